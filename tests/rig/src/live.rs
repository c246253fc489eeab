//! The live line on stderr. Where stderr is no terminal there is none.

use std::time::{Duration, Instant};

use althing_world::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// Redraws more often than this are wasted on the eye.
const REDRAW: Duration = Duration::from_millis(100);

pub(crate) struct Live {
    bar: ProgressBar,
    drawn: Option<Instant>,
}

impl Live {
    /// A line for a run of which `what` is said.
    pub(crate) fn new(what: &str) -> Self {
        let bar = ProgressBar::new(1000);
        bar.set_style(
            ProgressStyle::with_template("{prefix} [{bar:24}] {msg}")
                .expect("the template is fixed")
                .progress_chars("=> "),
        );
        bar.set_prefix(what.to_owned());
        Self { bar, drawn: None }
    }

    /// Shows how far a run is.
    pub(crate) fn show(&mut self, progress: &Progress) {
        if !self.is_due() {
            return;
        }
        let by_rolls = (progress.rolls * 1000).checked_div(progress.rolls_wanted);
        let by_time = progress.at_ms * 1000 / progress.end_ms.max(1);
        let part = by_rolls.unwrap_or(by_time);
        let trouble = match progress.violations {
            0 => String::new(),
            count => format!(" · {count} VIOLATIONS"),
        };
        let seconds = progress.at_ms / 1000;
        self.bar.set_position(part.min(1000));
        self.bar.set_message(format!(
            "{}:{:02} · roll {} · block {} · {} pending · {} links · quorum on {} of {}{trouble}",
            seconds / 60,
            seconds % 60,
            progress.rolls,
            progress.height,
            progress.pending,
            progress.links,
            progress.with_quorum,
            progress.players,
        ));
    }

    /// Shows `message` with `part` of a thousand done.
    pub(crate) fn say(&mut self, part: u64, message: String) {
        if self.is_due() {
            self.bar.set_position(part);
            self.bar.set_message(message);
        }
    }

    fn is_due(&mut self) -> bool {
        let due = self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW);
        if due {
            self.drawn = Some(Instant::now());
        }
        due
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
