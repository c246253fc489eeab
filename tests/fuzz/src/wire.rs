use althing::wire::{
    Action, Block, Certificate, GroupMessage, JoinRequest, MESSAGE_LEN_MAX, Proposal, Roster,
    SignedAction, SignedGenesis, Vote, decode, encode,
};

/// Decoders accept exactly what encodes to the same bytes.
pub fn wire(data: &[u8]) {
    macro_rules! canonical {
        ($($type:ty),*) => {
            $(if let Ok(value) = decode::<$type>(data, MESSAGE_LEN_MAX) {
                assert_eq!(encode(&value), data, stringify!($type));
            })*
        };
    }
    canonical!(
        GroupMessage,
        Proposal,
        Block,
        Vote,
        Certificate,
        Action,
        SignedAction,
        SignedGenesis,
        JoinRequest,
        Roster
    );
}
