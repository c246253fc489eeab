//! Who is missed while there is a quorum, and how far those who are back have come.
//!
//! Whoever comes back asks one member for what he lacks, the first who says that he has it, and the
//! next one only where that one does not answer; nobody sends it unasked. What he says of himself is
//! the progress that is told here, and he says it once more when he is done.

use std::collections::BTreeMap;

use super::{Replica, ReplicaEvent, ReplicaOutput};
use crate::outbox::Outbox;

/// Events of one return, the last one not counted: a phone that claims another height in each message
/// must not fill a screen.
const EVENTS_MAX: u32 = 16;

/// Members who are missed, by committee index; this phone, while it sees no quorum.
#[derive(Debug, Default)]
pub(super) struct Resyncs {
    marked: BTreeMap<u8, Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// Height that was told last.
    height: Option<u64>,
    /// Where the others stand, as far as this member's own phone knows.
    target: u64,
    events: u32,
}

impl Resyncs {
    /// `member` is not there while the others may go on.
    pub(super) fn mark(&mut self, member: u8) {
        self.marked.entry(member).or_default();
    }

    /// `member` stands at `height`, and some stand at `target`: both, where that is to be told. Once he
    /// has reached it he is missed no more.
    pub(super) fn stands(&mut self, member: u8, height: u64, target: u64) -> Option<(u64, u64)> {
        let progress = self.marked.get_mut(&member)?;
        progress.target = progress.target.max(target);
        let target = progress.target;
        if height >= target {
            let told = progress.events > 0;
            self.marked.remove(&member);
            return told.then_some((height, height));
        }
        if progress.height.is_some_and(|before| before >= height) || progress.events == EVENTS_MAX {
            return None;
        }
        progress.height = Some(height);
        progress.events += 1;
        Some((height, target))
    }
}

impl Replica {
    /// Marks who is missing: the others, where they are too few to matter; this phone, where it does.
    pub(super) fn mark_missing(&mut self) {
        if !self.reachability.enough_in_reach() {
            return self.resyncs.mark(self.own);
        }
        let members = (0u8..).take(self.members.len());
        for index in members.filter(|index| *index != self.own) {
            if !self.is_reachable(index) {
                self.resyncs.mark(index);
            }
        }
    }

    /// A member said that he stands at `height`.
    pub(super) fn resynced(&mut self, member: u8, height: u64, out: &mut Outbox<ReplicaOutput>) {
        let head = self.history.head().0;
        if height > head {
            self.tell_resync(self.own, head, height, out);
        }
        self.tell_resync(member, height, head, out);
    }

    /// This phone took in what others had: whoever marked it hears that it is done.
    pub(super) fn caught_up(&mut self, out: &mut Outbox<ReplicaOutput>) {
        let head = self.history.head().0;
        if self.tell_resync(self.own, head, 0, out) != Some(true) {
            return;
        }
        for to in self.reachable.iter().copied().collect::<Vec<_>>() {
            if to != self.own_address() {
                self.send_status(to, false, out);
            }
        }
    }

    /// Whether the member is done, where something is to be told.
    fn tell_resync(
        &mut self,
        member: u8,
        height: u64,
        target: u64,
        out: &mut Outbox<ReplicaOutput>,
    ) -> Option<bool> {
        let peer = *self.members.get(usize::from(member))?;
        let (height, target) = self.resyncs.stands(member, height, target)?;
        out.push(ReplicaOutput::Event(ReplicaEvent::Resync {
            peer,
            height,
            target,
        }));
        Some(height == target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_once_for_each_height_and_at_the_end() {
        let mut resyncs = Resyncs::default();
        assert_eq!(resyncs.stands(1, 3, 9), None, "nobody missed him");
        resyncs.mark(1);
        assert_eq!(resyncs.stands(1, 3, 9), Some((3, 9)));
        assert_eq!(resyncs.stands(1, 3, 9), None);
        assert_eq!(resyncs.stands(1, 2, 9), None, "nobody goes back");
        assert_eq!(resyncs.stands(1, 5, 8), Some((5, 9)), "nor does the target");
        assert_eq!(resyncs.stands(1, 9, 9), Some((9, 9)));
        assert_eq!(resyncs.stands(1, 4, 9), None, "he is missed no more");
    }

    #[test]
    fn who_comes_back_and_lacks_nothing_is_not_told() {
        let mut resyncs = Resyncs::default();
        resyncs.mark(2);
        assert_eq!(resyncs.stands(2, 9, 9), None);
        assert_eq!(resyncs.stands(2, 8, 9), None);
    }

    #[test]
    fn one_return_tells_so_often_and_its_end() {
        let mut resyncs = Resyncs::default();
        resyncs.mark(0);
        let told = |resyncs: &mut Resyncs, height: u32| resyncs.stands(0, height.into(), 1_000);
        for height in 0..EVENTS_MAX {
            assert!(told(&mut resyncs, height).is_some(), "{height}");
        }
        assert_eq!(told(&mut resyncs, EVENTS_MAX), None);
        assert_eq!(told(&mut resyncs, EVENTS_MAX + 1), None);
        assert_eq!(told(&mut resyncs, 1_000), Some((1_000, 1_000)));
    }
}
