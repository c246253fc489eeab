//! Chips that are set aside for another player, and how he gets them.

use super::Craps;
use super::cause::Cause;
use super::ledger::Ledger;
use super::record::Record;
use crate::crypto::Signature;
use crate::id::PeerId;
use crate::rules::earmark::{EARMARKS_MAX, Earmark, EarmarkId};
use crate::rules::{Context, Rejection};

impl Craps {
    /// Takes chips out of the payer's hand for good, for `payee` alone.
    pub(super) fn earmark(
        ledger: &mut Ledger<'_>,
        record: &Record,
        (payer, peer): (u8, &PeerId),
        payee: u8,
        chips: u32,
    ) -> Result<(), Rejection> {
        if payee == payer || payee >= record.members {
            return Err(Cause::BadReceiver.into());
        }
        if chips == 0 {
            return Err(Cause::ZeroChips.into());
        }
        let hand = ledger.chips(payer)?;
        let left = hand
            .checked_sub(chips.into())
            .ok_or_else(|| Cause::NotEnoughChips.with(hand))?;
        if ledger.earmarks_of(payer).len() >= EARMARKS_MAX {
            return Err(Cause::TooManyEarmarks.with(EARMARKS_MAX as u64));
        }
        let number = ledger.next_earmark(payer)?;
        ledger.set_chips(payer, left);
        ledger.set_earmark(Earmark {
            id: EarmarkId { payer, number },
            payer: *peer,
            payee,
            amount: chips.into(),
        });
        Ok(())
    }

    /// The payee takes what its payer released.
    pub(super) fn redeem(
        ledger: &mut Ledger<'_>,
        payee: u8,
        id: EarmarkId,
        signature: &Signature,
        context: &Context<'_>,
    ) -> Result<(), Rejection> {
        let earmark = Self::own_earmark(ledger, payee, id)?;
        if !context.is_released(&earmark, signature) {
            return Err(Cause::NotReleased.into());
        }
        Self::settle_earmark(ledger, earmark, payee)
    }

    /// The payee gives it back.
    pub(super) fn give_back(
        ledger: &mut Ledger<'_>,
        payee: u8,
        id: EarmarkId,
    ) -> Result<(), Rejection> {
        let earmark = Self::own_earmark(ledger, payee, id)?;
        Self::settle_earmark(ledger, earmark, id.payer)
    }

    fn own_earmark(ledger: &Ledger<'_>, payee: u8, id: EarmarkId) -> Result<Earmark, Rejection> {
        let earmark = ledger.earmark(id).ok_or(Cause::NoEarmark)?;
        if earmark.payee != payee {
            return Err(Cause::NotPayee.with(earmark.payee.into()));
        }
        Ok(earmark)
    }

    fn settle_earmark(ledger: &mut Ledger<'_>, earmark: Earmark, to: u8) -> Result<(), Rejection> {
        let hand = ledger.chips(to)?.checked_add(earmark.amount);
        ledger.take_earmark(earmark.id);
        ledger.set_chips(to, hand.ok_or(Cause::BadState)?);
        Ok(())
    }
}
