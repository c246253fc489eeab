//! Payments that are final without a quorum.

use super::Node;
use crate::error::CommandError;
use crate::id::GroupId;
use crate::rules::earmark::FinalOffline;

impl Node {
    /// What this phone gives to the payee of its own earmark of that number, over any channel: the
    /// payee can redeem it once. The earmark must be committed here.
    pub fn release(&self, group: GroupId, number: u32) -> Result<Vec<u8>, CommandError> {
        Ok(self.started(group)?.release(number)?.encode())
    }

    /// Whether `payment` is final now for this phone's user: exactly for the release of an earmark that
    /// is committed at this phone's head, for him and that amount, and that he does not redeem already.
    /// Submit what [`Node::redeem`] gives at once: until then the same release says yes again. Accept
    /// nothing else as final without a quorum.
    pub fn final_offline(
        &self,
        group: GroupId,
        payment: &[u8],
    ) -> Result<FinalOffline, CommandError> {
        Ok(self.started(group)?.final_offline(payment))
    }

    /// The payload by which this phone's user redeems a release that he was given, to be submitted.
    pub fn redeem(&self, group: GroupId, payment: &[u8]) -> Result<Vec<u8>, CommandError> {
        self.started(group)?.redeem(payment)
    }
}
