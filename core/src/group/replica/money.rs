//! Payments that are final without a quorum: releases of what is set aside.

use super::Replica;
use crate::error::{CommandError, NotFinal};
use crate::rules::earmark::{self, Committed, EarmarkId, FinalOffline, Release};

impl Replica {
    /// The own word that the payee may have what this phone's user set aside for him. It can be given
    /// more than once; it is redeemed once.
    pub fn release(&self, number: u32) -> Result<Release, CommandError> {
        let id = EarmarkId {
            payer: self.own,
            number,
        };
        match self.executor.rules().earmark(self.history.state(), id) {
            Committed::Stands(earmark) => Ok(earmark.release(self.group, &self.identity)),
            Committed::Never | Committed::Settled => Err(CommandError::NoEarmark { number }),
        }
    }

    /// Whether `payment`, as it came from another phone, is final for this phone's user now, whatever
    /// others do.
    pub fn final_offline(&self, payment: &[u8]) -> FinalOffline {
        let Ok(release) = Release::decode(payment) else {
            return FinalOffline::No(NotFinal::NotARelease);
        };
        let rules = self.executor.rules();
        let verdict = earmark::final_offline(
            &release,
            rules.earmark(self.history.state(), release.id),
            self.group,
            self.identity.scheme().as_ref(),
        );
        // One release pays once: whoever has taken it already must not take it for something else.
        let shown = rules.earmark(&self.shown.state, release.id);
        match verdict {
            FinalOffline::Yes if release.payee != self.own => {
                FinalOffline::No(NotFinal::OtherPayee)
            }
            FinalOffline::Yes if shown == Committed::Settled => FinalOffline::No(NotFinal::Taken),
            verdict => verdict,
        }
    }

    /// The payload by which this phone's user redeems what `payment` releases, to be submitted.
    pub fn redeem(&self, payment: &[u8]) -> Result<Vec<u8>, CommandError> {
        match self.final_offline(payment) {
            FinalOffline::No(why) => return Err(CommandError::NotFinal(why)),
            FinalOffline::Yes => {}
        }
        let release = Release::decode(payment).map_err(|_| NotFinal::NotARelease)?;
        let payload = self.executor.rules().redeem(&release);
        payload.ok_or_else(|| NotFinal::NotARelease.into())
    }
}
