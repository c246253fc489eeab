//! The report: the data of a run as one JSON value inside a page that draws it.
//!
//! The page needs no network. What it shows is in [`Data`]; how it shows it is in `page/`.

use std::path::PathBuf;

use althing_world::{Frame, Report};
use serde::Serialize;

use crate::Refusal;
use crate::cli::Out;
use crate::file::Target;
use crate::json;

const TEMPLATE: &str = include_str!("page/page.html");
/// The look that every page of the rig shares.
pub(crate) const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// Frames that a page holds; of a longer run every n-th is kept.
const FRAMES_MAX: usize = 2400;

/// Whether there is a page now.
pub(crate) enum Written {
    /// Nobody wanted one.
    No,
    /// There it is.
    To(PathBuf),
}

#[derive(Serialize)]
struct Data<'a> {
    title: &'a str,
    command: &'a str,
    seed: u64,
    digest: String,
    players: usize,
    names: &'a [String],
    virtual_ms: u64,
    rolls: u64,
    blocks: u64,
    submitted: u64,
    committed: u64,
    rejected: u64,
    pending: u64,
    commit_us: &'a [u64],
    p50_ms: u64,
    p99_ms: u64,
    air_total: u64,
    air_values: u64,
    air_kinds: &'a [(&'static str, u64)],
    flooding: u64,
    links_made: u64,
    links_lost: u64,
    violations: Vec<json::Broken>,
    unfinished: Option<&'a str>,
    waiting: Vec<(usize, &'static str, &'a [String])>,
    absences: Vec<(usize, i64, i64, &'static str)>,
    log: Vec<(i64, &'a str)>,
    statuses: Vec<&'static str>,
    frames: Vec<FrameData>,
    recording: Option<RecordingData<'a>>,
}

/// One moment: time, phones, links. Phones are arrays, because a run has thousands of moments: x, y
/// (cm), up, height, pending, committed chips, shown chips, index of the status.
#[derive(Serialize)]
struct FrameData(i64, Vec<[i64; 8]>, Vec<(usize, usize)>);

#[derive(Serialize)]
struct RecordingData<'a> {
    people: &'a [u32],
    from_s: u64,
    length_s: u64,
    linger_s: u64,
    quorum_ms: u64,
    quorum_anywhere: bool,
    behind: Vec<(usize, u64, u64, &'a str)>,
}

impl<'a> Data<'a> {
    fn new(report: &'a Report, title: &'a str, command: &'a str) -> Self {
        let mut statuses = Vec::new();
        let every = report.frames.len().div_ceil(FRAMES_MAX).max(1);
        let last = report.frames.len().saturating_sub(1);
        let frames = report
            .frames
            .iter()
            .enumerate()
            .filter(|(index, _)| index % every == 0 || *index == last)
            .map(|(_, frame)| FrameData::new(frame, &mut statuses))
            .collect();
        Self {
            title,
            command,
            seed: report.seed,
            digest: report.trace_digest.to_hex(),
            players: report.players,
            names: &report.names,
            virtual_ms: report.virtual_ms,
            rolls: report.rolls,
            blocks: report.blocks,
            submitted: report.actions.submitted,
            committed: report.actions.committed,
            rejected: report.actions.rejected,
            pending: report.actions.pending,
            commit_us: report.commit.sorted_us(),
            p50_ms: report.commit.p50_ms(),
            p99_ms: report.commit.p99_ms(),
            air_total: report.air.total,
            air_values: report.air.values,
            air_kinds: &report.air.by_kind,
            flooding: report.air.flooding,
            links_made: report.links_made,
            links_lost: report.links_lost,
            violations: report.violations.iter().map(json::Broken::new).collect(),
            unfinished: report.unfinished.as_deref(),
            waiting: report
                .waiting
                .iter()
                .map(|waiting| (waiting.phone, waiting.what, waiting.whom.as_slice()))
                .collect(),
            absences: report
                .absences
                .iter()
                .map(|absence| (absence.phone, absence.from_ms, absence.to_ms, absence.why))
                .collect(),
            log: report
                .log
                .iter()
                .map(|line| (line.at_ms, line.text.as_str()))
                .collect(),
            frames,
            statuses,
            recording: report.recording.as_ref().map(|recording| RecordingData {
                people: &recording.people,
                from_s: recording.from_s,
                length_s: recording.length_s,
                linger_s: recording.linger_s,
                quorum_ms: recording.quorum_ms,
                quorum_anywhere: recording.quorum_anywhere,
                behind: recording
                    .behind
                    .iter()
                    .map(|one| (one.phone, one.height, one.last, one.why.as_str()))
                    .collect(),
            }),
        }
    }
}

impl FrameData {
    fn new(frame: &Frame, statuses: &mut Vec<&'static str>) -> Self {
        let phones = frame
            .phones
            .iter()
            .map(|phone| {
                let known = statuses.iter().position(|known| *known == phone.status);
                let status = known.unwrap_or_else(|| {
                    statuses.push(phone.status);
                    statuses.len() - 1
                });
                [
                    phone.x / 10,
                    phone.y / 10,
                    i64::from(phone.up),
                    i64::try_from(phone.height).unwrap_or(i64::MAX),
                    i64::from(phone.pending),
                    phone.committed_chips,
                    phone.shown_chips,
                    i64::try_from(status).unwrap_or(0),
                ]
            })
            .collect();
        Self(frame.at_ms, phones, frame.links.clone())
    }
}

/// The page of a run.
fn page(report: &Report, title: &str, command: &str) -> String {
    fill(
        TEMPLATE,
        &[
            ("title", &escaped(title)),
            ("style", STYLE),
            ("script", SCRIPT),
            ("data", &data(&Data::new(report, title, command))),
        ],
    )
}

/// One self-contained page: `template` with a value for each `{{name}}` in it. What the values
/// themselves say in braces stays as it is.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut pieces = template.split("{{");
    let mut page = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece
            .split_once("}}")
            .expect("templates close their placeholders");
        let value = values.iter().find(|(known, _)| *known == name);
        page.push_str(value.expect("every placeholder has a value").1);
        page.push_str(rest);
    }
    page
}

/// `data` as it may stand inside a script element.
pub(crate) fn data(data: &impl Serialize) -> String {
    serde_json::to_string(data)
        .expect("plain structures serialize")
        // Nothing there may look like a tag.
        .replace('<', "\\u003c")
}

/// `text` as it may stand between tags.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn target(out: &Out) -> Target<'_> {
    Target {
        path: &out.report,
        what: "the report",
        hint: "name another file with --report FILE, or go without with --no-report",
    }
}

/// Makes sure before a long run that its report can be written after it.
pub(crate) fn probe(out: &Out) -> Result<(), Refusal> {
    if out.no_report {
        return Ok(());
    }
    target(out).probe()
}

/// Writes the page of `report` where `out` wants it.
pub(crate) fn write(
    out: &Out,
    report: &Report,
    title: &str,
    command: &str,
) -> Result<Written, Refusal> {
    if out.no_report {
        return Ok(Written::No);
    }
    target(out).write(page(report, title, command).as_bytes())?;
    Ok(Written::To(out.report.clone()))
}

#[cfg(test)]
mod tests;
