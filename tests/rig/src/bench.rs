//! What the state costs, beside what it may cost: `althing bench state`.
//!
//! Bytes and counts repeat exactly. They are kept in a golden file, so that a change of them shows as
//! a difference of that file; times are printed beside them as ratios within one run and kept nowhere.

pub(crate) mod codec;
pub(crate) mod heal;
mod map;
mod parts;
mod resync;
mod row;
mod sets;
mod view;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use self::row::Row;
use crate::cli::BenchState;
use crate::{Ending, Refusal, json};

/// Rows that belong together.
#[derive(Serialize)]
struct Section {
    name: &'static str,
    rows: Vec<Row>,
}

/// Everything that is measured, in the order of the table.
fn sections(codec: &[codec::Table]) -> Vec<Section> {
    vec![
        Section {
            name: "actions packed, bytes each without signature",
            rows: codec::rows(codec),
        },
        Section {
            name: "craps, eight players: delta and snapshot",
            rows: resync::rows(),
        },
        Section {
            name: "map of 10 000 entries",
            rows: map::rows(),
        },
        Section {
            name: "view, 200 pending and 50 commits of others",
            rows: view::rows(),
        },
        Section {
            name: "sets, bytes until the difference is known",
            rows: sets::rows(),
        },
        Section {
            name: "snapshot of 10 000 entries by parts",
            rows: parts::rows(),
        },
    ]
}

#[derive(Serialize)]
struct Object<'a> {
    sections: &'a [Section],
    actions: &'a [codec::Table],
    reconciliation: Vec<sets::Beside>,
    golden: Vec<String>,
    good: bool,
}

pub(crate) fn run(options: &BenchState) -> Result<Ending, Refusal> {
    let codec = codec::tables();
    let sections = sections(&codec);
    let golden = match &options.golden {
        Some(file) if options.bless => {
            write(file, &golden(&sections))?;
            Vec::new()
        }
        Some(file) => differences(&read(file)?, &golden(&sections)),
        None => Vec::new(),
    };
    let rows = sections.iter().flat_map(|section| &section.rows);
    let good = golden.is_empty() && rows.clone().all(Row::is_fine);
    if options.json {
        json::print(&Object {
            sections: &sections,
            actions: &codec,
            reconciliation: sets::beside(),
            golden,
            good,
        });
    } else {
        let mut text = [table(&sections), codec::shown(&codec), sets::table()].join("\n");
        let missed = rows.clone().filter(|row| !row.is_kept()).count();
        let known = missed - rows.filter(|row| !row.is_fine()).count();
        if missed > 0 {
            let _ = writeln!(
                text,
                "\nbounds missed: {missed}, {known} of them as is known"
            );
        }
        if let Some(file) = options.golden.as_ref().filter(|_| !golden.is_empty()) {
            let _ = writeln!(text, "\nnot what {} says:", file.display());
            for line in golden {
                let _ = writeln!(text, "  {line}");
            }
            text.push_str("if that is meant, write it down with --bless\n");
        }
        // Whoever reads only the head of a table closes the pipe: nothing is lost by that.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
    Ok(if good { Ending::Good } else { Ending::Bad })
}

fn table(sections: &[Section]) -> String {
    let rows = || sections.iter().flat_map(|section| &section.rows);
    let width = rows()
        .map(|row| row.name.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for section in sections {
        let _ = writeln!(text, "{}", section.name);
        let _ = writeln!(
            text,
            "  {:width$}  {:>10}  {:>10}  {:>7}  ok",
            "what", "value", "bound", "ratio"
        );
        for row in &section.rows {
            let _ = writeln!(text, "  {}", row.line(width));
        }
        text.push('\n');
    }
    text
}

/// One line for each row that repeats exactly.
fn golden(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        for row in section.rows.iter().filter(|row| row.repeats) {
            let _ = writeln!(text, "{} | {} | {}", section.name, row.name, row.shown());
        }
    }
    text
}

fn differences(wanted: &str, found: &str) -> Vec<String> {
    let missing = wanted
        .lines()
        .filter(|line| !found.lines().any(|other| other == *line))
        .map(|line| format!("- {line}"));
    let new = found
        .lines()
        .filter(|line| !wanted.lines().any(|other| other == *line))
        .map(|line| format!("+ {line}"));
    missing.chain(new).collect()
}

fn read(file: &Path) -> Result<String, Refusal> {
    fs::read_to_string(file).map_err(|fault| {
        let file = file.display();
        Refusal(format!(
            "cannot read {file}: {fault}; --bless writes a new one"
        ))
    })
}

fn write(file: &Path, text: &str) -> Result<(), Refusal> {
    fs::write(file, text)
        .map_err(|fault| Refusal(format!("cannot write {}: {fault}", file.display())))
}
