//! Payments that are final without a quorum.

use althing::rules::earmark;

/// Whether a payment may be taken as final while not everybody is here.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum FinalOffline {
    /// Nothing that others do can undo it: redeem it at once.
    Yes,
    /// It may be refused once all are together again.
    No {
        /// Why, for the user.
        why: String,
    },
}

impl From<earmark::FinalOffline> for FinalOffline {
    fn from(verdict: earmark::FinalOffline) -> Self {
        match verdict {
            earmark::FinalOffline::Yes => Self::Yes,
            earmark::FinalOffline::No(why) => Self::No {
                why: why.to_string(),
            },
        }
    }
}
