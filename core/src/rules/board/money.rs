//! Money: moved between accounts and purses, never made and never lost.

use super::cause::{Cause, Detail};
use super::entry::{BoardKey, Entry};
use super::{Turn, wrong_kind};
use crate::rules::Rejection;

impl Turn<'_> {
    /// Out of the member's own account.
    pub(super) fn transfer(
        &mut self,
        from: &BoardKey,
        to: &BoardKey,
        amount: u64,
    ) -> Result<(), Rejection> {
        match self.desk.need(from)? {
            Entry::Account { owner, balance } => {
                if owner != self.member {
                    return Err(Cause::NotYourAccount.with(&Detail::Member(owner)));
                }
                let balance = less(balance, amount)?;
                self.pay(from, &Entry::Account { owner, balance }, to, amount)
            }
            other => Err(wrong_kind(&other)),
        }
    }

    /// Out of a purse that the member may spend from.
    pub(super) fn spend(
        &mut self,
        from: &BoardKey,
        to: &BoardKey,
        amount: u64,
    ) -> Result<(), Rejection> {
        match self.desk.need(from)? {
            Entry::Purse { members, balance } => {
                if !members.has(self.member) {
                    return Err(Cause::NotYourPurse.into());
                }
                let balance = less(balance, amount)?;
                self.pay(from, &Entry::Purse { members, balance }, to, amount)
            }
            other => Err(wrong_kind(&other)),
        }
    }

    /// Leaves `rest` at `from` and adds `amount` to what is at `to`.
    fn pay(
        &mut self,
        from: &BoardKey,
        rest: &Entry,
        to: &BoardKey,
        amount: u64,
    ) -> Result<(), Rejection> {
        if from == to {
            return Err(Cause::SameEntry.into());
        }
        // All money together was counted at the genesis: no balance can pass 64 bits.
        let more = |balance: u64| balance.checked_add(amount).ok_or(Cause::BadState);
        let receiver = match self.desk.need(to)? {
            Entry::Account { owner, balance } => Entry::Account {
                owner,
                balance: more(balance)?,
            },
            Entry::Purse { members, balance } => Entry::Purse {
                members,
                balance: more(balance)?,
            },
            other => return Err(wrong_kind(&other)),
        };
        self.desk.set(from, rest);
        self.desk.set(to, &receiver);
        Ok(())
    }
}

fn less(balance: u64, amount: u64) -> Result<u64, Rejection> {
    if amount == 0 {
        return Err(Cause::ZeroAmount.into());
    }
    balance
        .checked_sub(amount)
        .ok_or_else(|| Cause::NotEnough.with(&Detail::Amount(balance)))
}
