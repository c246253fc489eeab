//! What ran, what had to be brought, what is impossible here and why.

use std::time::{Duration, Instant};

/// How one step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ran and found nothing wrong.
    Passed,
    /// It ran and failed.
    Failed(String),
    /// It cannot run on this machine.
    Impossible(String),
}

/// Tests as cargo counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tests that ran, passed or not.
    pub(crate) run: u64,
    /// Tests that are marked `#[ignore]`.
    pub(crate) skipped: u64,
}

impl Counts {
    /// Adds what one line of cargo's output says, if it is a result line of a test binary.
    pub(crate) fn read(&mut self, line: &str) {
        let Some(rest) = line.trim_start().strip_prefix("test result: ") else {
            return;
        };
        let rest = rest.split_once(". ").map_or(rest, |(_, counts)| counts);
        for part in rest.split(';') {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" | "failed" => self.run += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

struct Row {
    name: &'static str,
    outcome: Outcome,
    counts: Counts,
    took: Duration,
}

/// The table at the end.
pub(crate) struct Report {
    rows: Vec<Row>,
    brought: Vec<String>,
    began: Instant,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            rows: Vec::new(),
            brought: Vec::new(),
            began: Instant::now(),
        }
    }

    /// Runs one step and keeps how it ended. A failed step does not stop the later ones: one run
    /// tells everything that is wrong.
    pub(crate) fn step(
        &mut self,
        name: &'static str,
        run: impl FnOnce(&mut Counts, &mut Vec<String>) -> Outcome,
    ) {
        println!("\n== {name}");
        let began = Instant::now();
        let mut counts = Counts::default();
        let outcome = run(&mut counts, &mut self.brought);
        match &outcome {
            Outcome::Passed => {}
            Outcome::Failed(why) => println!("== {name}: FAILED: {why}"),
            Outcome::Impossible(why) => println!("== {name}: impossible here: {why}"),
        }
        self.rows.push(Row {
            name,
            outcome,
            counts,
            took: began.elapsed(),
        });
    }

    /// Prints the table and the closing line; whether nothing failed.
    pub(crate) fn close(&self) -> bool {
        let mut tests = 0;
        let mut skipped = 0;
        let mut impossible = 0;
        let mut good = true;
        println!("\n{:<34} {:>8} {:>7}  result", "step", "seconds", "tests");
        for row in &self.rows {
            tests += row.counts.run;
            skipped += row.counts.skipped;
            let result = match &row.outcome {
                Outcome::Passed => "ran".to_owned(),
                Outcome::Failed(why) => {
                    good = false;
                    format!("FAILED: {why}")
                }
                Outcome::Impossible(why) => {
                    impossible += 1;
                    format!("impossible here: {why}")
                }
            };
            let count = match row.counts.run {
                0 => String::new(),
                run => run.to_string(),
            };
            println!(
                "{:<34} {:>8.1} {:>7}  {result}",
                row.name,
                row.took.as_secs_f64(),
                count
            );
        }
        match self.brought.as_slice() {
            [] => println!("brought: nothing, all tools were here"),
            brought => println!("brought: {}", brought.join(", ")),
        }
        println!("total: {:.0} s", self.began.elapsed().as_secs_f64());
        println!("tests={tests} skipped={skipped} impossible={impossible}");
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted_and_nothing_else_is() {
        let mut counts = Counts::default();
        for line in [
            "running 5 tests",
            "test a::b ... ok",
            "test result: ok. 5 passed; 0 failed; 2 ignored; 0 measured; 9 filtered out; finished in 0.1s",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
            "all doctests ran in 0.3s; merged doctests compilation took 0.2s",
        ] {
            counts.read(line);
        }
        assert_eq!(counts, Counts { run: 9, skipped: 2 });
    }
}
