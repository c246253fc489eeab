//! The key of a group's epoch, as it travels: in a box for each member, inside the block that opens the
//! epoch.

use crate::crypto::Identity;
use crate::crypto::group_key::GroupKey;
use crate::crypto::seal::{SealedBytes, SealingKey, SealingSecret};
use crate::wire::{BoundedVec, Bytes, EpochKey, Genesis};

/// The key of the first epoch, for everyone that `genesis` names. It follows from the opener's identity
/// and the group, so that the same genesis comes of it after a crash.
pub(super) fn seal(genesis: &Genesis, opener: &Identity) -> EpochKey {
    let group = &genesis.group.0;
    let key = GroupKey::new(opener.derive("group key", group).0);
    let ephemeral = opener.derive("group key boxes", group).0;
    let sealed: Vec<Option<SealedBytes>> = genesis
        .everyone()
        .map(|entry| key.seal_for(&entry.sealing, group, ephemeral))
        .collect();
    let named = sealed.iter().flatten().next();
    EpochKey {
        commitment: key.commitment(group),
        ephemeral: named.map_or(SealingKey([0; 32]), |sealed| sealed.ephemeral),
        boxes: BoundedVec::truncating(
            sealed
                .into_iter()
                .map(|sealed| Bytes::truncating(sealed.map_or_else(Vec::new, |it| it.bytes)))
                .collect(),
        ),
    }
}

/// The key of the first epoch, out of the box for `identity`; none where there is no box that opens to
/// the key committed to.
pub(super) fn open(genesis: &Genesis, identity: &Identity) -> Option<GroupKey> {
    let group = &genesis.group.0;
    let own = identity.peer();
    let index = genesis.everyone().position(|entry| entry.peer == own)?;
    let sealed = SealedBytes {
        ephemeral: genesis.key.ephemeral,
        bytes: genesis.key.boxes.get(index)?.to_vec(),
    };
    let secret = SealingSecret::of(identity, group);
    GroupKey::unseal(&secret, &sealed, group, genesis.key.commitment)
}
