//! A transcript executed again, as what is printed and drawn of it.

use std::path::Path;
use std::sync::Arc;

use althing::crypto::Ed25519;
use althing::group::{Retrace, Roll, Step, StepAction, TranscriptError, clean_name};
use althing::node::Transcript;
use althing::rules::craps::CrapsAction;
use althing::rules::{self, Rules};
use althing::state::Map;
use althing::wire::{ActionPayload, Mode, Reason, RulesId};
use serde::Serialize;

use super::shown::{Changed, Eye, Shown};
use crate::Refusal;

/// How much of a game is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Every height that can be believed.
    Whole,
    /// One height.
    OneHeight,
}

impl Extent {
    /// What is said of the part that can be believed.
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::Whole => " and was shown",
            Self::OneHeight => "",
        }
    }
}

/// A game, height by height.
#[derive(Debug, Serialize)]
pub(super) struct Game {
    pub(super) group: String,
    pub(super) rules: String,
    pub(super) mode: &'static str,
    pub(super) members: Vec<String>,
    /// Height of the first table; above 0 where older blocks were dropped.
    pub(super) base_height: u64,
    /// Height of the last one.
    pub(super) height: u64,
    /// Rolls that were recomputed.
    pub(super) rolls: usize,
    /// Height below the first of `steps`.
    pub(super) shown_from: u64,
    /// The table there.
    pub(super) base: Shown,
    pub(super) steps: Vec<Moment>,
    /// The states: at `shown_from`, then after each step.
    #[serde(skip)]
    pub(super) states: Vec<Map>,
}

/// One height.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Moment {
    pub(super) height: u64,
    pub(super) block: String,
    pub(super) root: String,
    /// Whether it has a finalization of its own; if not, it is final by one above it.
    pub(super) finalized: bool,
    pub(super) roll: Option<Dice>,
    pub(super) actions: Vec<Said>,
    pub(super) changes: Vec<Changed>,
    /// The table after it; none where keys and values are shown, which follow from the changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) table: Option<Shown>,
}

/// One action.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Said {
    pub(super) author: String,
    pub(super) what: String,
    /// Why it was refused; none = committed.
    pub(super) refused: Option<String>,
}

/// One draw that was opened.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Dice {
    pub(super) draw: u64,
    /// Where the game has dice.
    pub(super) dice: Option<[u8; 2]>,
    pub(super) seed: String,
    /// Whose preimages went into the seed.
    pub(super) contributors: Vec<String>,
}

/// The table at one height.
#[derive(Debug, Serialize)]
pub(super) struct Look {
    pub(super) at: u64,
    /// The block that led there; none at the base.
    pub(super) step: Option<Moment>,
    pub(super) table: Shown,
}

impl Game {
    /// Executes `transcript` again. Where a check fails: the game up to the last block that a
    /// quorum finalized before it, and what is to be said of `path`, with `shown` for what of the
    /// game is shown.
    pub(super) fn retrace(
        transcript: &Transcript,
        path: &Path,
        shown: Extent,
    ) -> Result<(Self, Option<String>), Refusal> {
        let genesis = &transcript.genesis.genesis;
        let rules = rules(&genesis.rules, path)?;
        let refuse = |error: TranscriptError| {
            Refusal(format!(
                "the transcript {} is not believed: {error}\n\
                 export the transcript of another phone of the group",
                path.display()
            ))
        };
        let retrace =
            Retrace::new(transcript, Arc::clone(&rules), Arc::new(Ed25519)).map_err(refuse)?;
        let mut game = Self::new(transcript);
        let mut steps = Vec::new();
        let mut fault = None;
        for step in retrace {
            match step {
                Ok(step) => steps.push(step),
                Err(error) => fault = Some(error),
            }
        }
        if fault.is_some() {
            let last = steps.iter().rposition(|step| step.finalized);
            steps.truncate(last.map_or(0, |last| last + 1));
        }
        for step in steps {
            game.push(step, &*rules);
        }
        let told = fault.map(|error| {
            format!(
                "the transcript {} is not believed beyond height {}: {error}\n\
                 what stands up to there is proved{}; compare with the transcript of another phone \
                 of the group",
                path.display(),
                game.height,
                shown.told()
            )
        });
        Ok((game, told))
    }

    fn new(transcript: &Transcript) -> Self {
        let genesis = &transcript.genesis.genesis;
        let members: Vec<String> = genesis
            .members
            .iter()
            .enumerate()
            .map(|(index, member)| called(&member.name, index))
            .collect();
        Self {
            group: genesis.group.to_hex(),
            rules: named(&genesis.rules),
            mode: match genesis.mode() {
                Mode::Bft => "bft",
                Mode::Majority => "majority",
                Mode::Unanimous => "unanimous",
            },
            base_height: transcript.base_height(),
            height: transcript.base_height(),
            shown_from: transcript.base_height(),
            rolls: 0,
            base: Shown::of(&transcript.base, &members),
            steps: Vec::new(),
            states: vec![transcript.base.clone()],
            members,
        }
    }

    fn push(&mut self, step: Step, rules: &dyn Rules) {
        let table = Shown::of(&step.state, &self.members);
        let eye = Eye::for_state(&step.state, &self.members);
        let roll = step.roll.as_ref().map(|roll| self.dice(roll, &table));
        self.height = step.height;
        self.rolls += usize::from(roll.is_some());
        self.steps.push(Moment {
            height: step.height,
            block: step.block.to_hex(),
            root: step.state.root().to_hex(),
            finalized: step.finalized,
            roll,
            actions: step
                .actions
                .iter()
                .map(|action| self.said(action, rules))
                .collect(),
            changes: step
                .changes
                .iter()
                .map(|change| Changed::of(change, eye))
                .collect(),
            table: Some(table).filter(|table| !matches!(table, Shown::Entries { .. })),
        });
        self.states.push(step.state);
    }

    fn dice(&self, roll: &Roll, table: &Shown) -> Dice {
        Dice {
            draw: roll.draw,
            dice: match table {
                Shown::Craps(table) => table.dice,
                Shown::Counter { .. } | Shown::Entries { .. } => None,
            },
            seed: roll.seed.to_hex(),
            contributors: roll
                .contributors
                .iter()
                .map(|voter| self.name(*voter).to_owned())
                .collect(),
        }
    }

    fn said(&self, action: &StepAction, rules: &dyn Rules) -> Said {
        let what = match &action.payload {
            ActionPayload::Rules(payload) => self.does(payload, rules),
            ActionPayload::Missing { draw, voter } => {
                format!("says that {} does not open draw {draw}", self.name(*voter))
            }
        };
        Said {
            author: self.name(action.author).to_owned(),
            what,
            refused: action.refused.as_ref().map(|reason| why(reason, rules)),
        }
    }

    /// An action of the rule set, with the names that the rules do not know.
    fn does(&self, payload: &[u8], rules: &dyn Rules) -> String {
        if rules.id().name.as_ref() == b"craps"
            && let Ok(CrapsAction::Transfer { to, chips }) = CrapsAction::decode(payload)
        {
            return format!("gives {chips} to {}", self.name(to));
        }
        rules.describe_action(payload)
    }

    fn name(&self, member: u8) -> &str {
        let name = self.members.get(usize::from(member));
        name.map_or("nobody", String::as_str)
    }

    /// Forgets all but the last `count` steps.
    pub(super) fn keep_last(&mut self, count: usize) {
        let dropped = self.steps.len().saturating_sub(count);
        self.steps.drain(..dropped);
        self.states.drain(..dropped);
        self.shown_from += dropped as u64;
        self.base = Shown::of(&self.states[0], &self.members);
    }

    /// The table at `height`, if it is there.
    pub(super) fn at(&self, height: u64) -> Option<Look> {
        let index = usize::try_from(height.checked_sub(self.shown_from)?).ok()?;
        let state = self.states.get(index)?;
        Some(Look {
            at: height,
            step: index.checked_sub(1).map(|step| self.steps[step].clone()),
            table: Shown::of(state, &self.members),
        })
    }
}

/// The rule set that the group plays by.
fn rules(need: &RulesId, path: &Path) -> Result<Arc<dyn Rules>, Refusal> {
    let built_in = rules::built_in();
    if let Some(rules) = built_in.iter().find(|rules| rules.id() == *need) {
        return Ok(Arc::clone(rules));
    }
    let have: Vec<String> = built_in.iter().map(|rules| named(&rules.id())).collect();
    let twin = built_in
        .iter()
        .any(|rules| rules.id().name == need.name && rules.id().version == need.version);
    let why = if twin {
        " with other test vectors"
    } else if have.contains(&named(need)) {
        " under a name with hidden characters"
    } else {
        ""
    };
    Err(Refusal(format!(
        "the transcript {} is of a game by the rules {}{why}; this build has {}\n\
         look at it with the build that the game was played with",
        path.display(),
        named(need),
        have.join(", ")
    )))
}

/// What the member at `index` is called, fit for a terminal and a page.
fn called(name: &[u8], index: usize) -> String {
    let name = clean_name(&String::from_utf8_lossy(name));
    name.unwrap_or_else(|| format!("member {}", index + 1))
}

fn named(rules: &RulesId) -> String {
    let name = clean_name(&String::from_utf8_lossy(&rules.name));
    let name = name.as_deref().unwrap_or("without a name");
    format!("{name} {}", rules.version)
}

fn why(reason: &Reason, rules: &dyn Rules) -> String {
    match reason {
        Reason::Rules { code, detail } => rules.describe(*code, detail),
        Reason::NotMember => "its author is no member".to_owned(),
        Reason::Dependency { number } => {
            format!("it depends on action {number} of its author, which was refused")
        }
        Reason::Expired => "it came too late".to_owned(),
        Reason::Equivocation => "its author gave the same number to another action".to_owned(),
        Reason::NotApplicable => "it does not fit the state any more".to_owned(),
    }
}

/// The first digits of a hash, which tell it from others on one page.
pub(super) fn short(hex: &str) -> &str {
    hex.get(..8).unwrap_or(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hide_and_turn_nothing() {
        for (name, shown) in [
            ("Anna", "Anna"),
            ("An\u{202e}na\u{200b}", "Anna"),
            ("An\u{1b}[2Jna", "An[2Jna"),
            ("\u{2066}\u{200d}", "member 3"),
            ("", "member 3"),
        ] {
            assert_eq!(called(name.as_bytes(), 2), shown, "{name:?}");
        }
    }
}
