//! One line of the table.

use serde::Serialize;

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// Printed for its own sake.
    None,
}

/// Something measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) bound: Bound,
    /// Whether it is the same in every run: a count, never a time.
    pub(crate) repeats: bool,
    /// Why its bound is missed, where that is known and written down: it is shown, and fails nothing.
    pub(crate) known: Option<&'static str>,
}

impl Row {
    /// A count of at most `most`.
    pub(crate) fn at_most(name: impl Into<String>, value: u64, most: u64) -> Self {
        Self {
            name: name.into(),
            value: value as f64,
            bound: Bound::AtMost(most as f64),
            repeats: true,
            known: None,
        }
    }

    /// `large` over `small`, of counts.
    pub(crate) fn ratio(name: impl Into<String>, large: u64, small: u64, bound: Bound) -> Self {
        Self {
            name: name.into(),
            value: large as f64 / small.max(1) as f64,
            bound,
            repeats: true,
            known: None,
        }
    }

    /// A count without a bound.
    pub(crate) fn count(name: impl Into<String>, value: u64) -> Self {
        Self {
            name: name.into(),
            value: value as f64,
            bound: Bound::None,
            repeats: true,
            known: None,
        }
    }

    /// Any figure that is the same in every run.
    pub(crate) fn value(name: impl Into<String>, value: f64, bound: Bound) -> Self {
        Self {
            name: name.into(),
            value,
            bound,
            repeats: true,
            known: None,
        }
    }

    /// A ratio of two times of this run.
    pub(crate) fn time(name: impl Into<String>, value: f64) -> Self {
        Self {
            name: name.into(),
            value,
            bound: Bound::None,
            repeats: false,
            known: None,
        }
    }

    /// Its bound may be missed, because of `why`.
    pub(crate) fn known(mut self, why: &'static str) -> Self {
        self.known = Some(why);
        self
    }

    /// Whether its bound is kept, or missed as is known.
    pub(crate) fn is_fine(&self) -> bool {
        self.is_kept() || self.known.is_some()
    }

    pub(crate) fn is_kept(&self) -> bool {
        match self.bound {
            Bound::AtMost(most) => self.value <= most,
            Bound::AtLeast(least) => self.value >= least,
            Bound::None => true,
        }
    }

    /// The value as it is printed and kept.
    pub(crate) fn shown(&self) -> String {
        number(self.value)
    }

    pub(crate) fn line(&self, width: usize) -> String {
        let (bound, ratio, ok) = match self.bound {
            Bound::AtMost(bound) => (format!("<= {}", number(bound)), Some(bound), true),
            Bound::AtLeast(bound) => (format!(">= {}", number(bound)), Some(bound), true),
            Bound::None => (String::new(), None, false),
        };
        let ratio = match ratio {
            Some(bound) if bound > 0.0 => format!("{:.2}", self.value / bound),
            Some(_) | None => String::new(),
        };
        let ok = match (ok, self.is_kept()) {
            (false, _) => "",
            (true, true) => "yes",
            (true, false) => "NO",
        };
        let line = format!(
            "{:width$}  {:>10}  {bound:>10}  {ratio:>7}  {ok}",
            self.name,
            self.shown()
        );
        match self.known.filter(|_| !self.is_kept()) {
            Some(why) => format!("{line}: {why}"),
            None => line.trim_end().to_owned(),
        }
    }
}

/// Whole numbers as they are, others with two digits.
fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_up_to_their_edge() {
        assert!(Row::at_most("", 30, 30).is_kept());
        assert!(!Row::at_most("", 31, 30).is_kept());
        assert!(Row::ratio("", 20, 1, Bound::AtLeast(20.0)).is_kept());
        assert!(!Row::ratio("", 39, 2, Bound::AtLeast(20.0)).is_kept());
    }

    #[test]
    fn a_missed_bound_is_loud() {
        assert_eq!(
            Row::at_most("what", 31, 30).line(6),
            "what            31       <= 30     1.03  NO"
        );
        assert!(!Row::at_most("what", 31, 30).is_fine());
        let known = Row::at_most("what", 31, 30).known("too many");
        assert!(known.is_fine() && !known.is_kept());
        assert!(known.line(6).ends_with("NO: too many"));
        assert_eq!(Row::time("what", 1.5).line(4), "what        1.50");
    }
}
