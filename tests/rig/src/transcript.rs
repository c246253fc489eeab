//! The transcript that a run leaves behind, and the evidence of a phone that diverged.

use std::path::Path;

use althing_world::Report;

use crate::Refusal;
use crate::file::Target;

fn target(path: &Path) -> Target<'_> {
    Target {
        path,
        what: "the transcript",
        hint: "name another file with --transcript FILE",
    }
}

/// Makes sure before a long run that its transcript can be written after it.
pub(crate) fn probe(path: Option<&Path>) -> Result<(), Refusal> {
    path.map_or(Ok(()), |path| target(path).probe())
}

/// Writes the transcript of `report` to `path`; what was written, in words.
pub(crate) fn write(path: Option<&Path>, report: &Report) -> Result<Option<String>, Refusal> {
    let Some(path) = path else { return Ok(None) };
    let Some(kept) = &report.transcript else {
        return Ok(Some(
            "Transcript: none was written, the table has not started.".to_owned(),
        ));
    };
    target(path).write(&kept.transcript.encode())?;
    let from = match kept.transcript.base_height() {
        0 => String::new(),
        base => format!(", from block {} on: older ones were dropped", base + 1),
    };
    Ok(Some(format!(
        "Transcript: {} ({}'s, to block {}{from}). Look at it: cargo run --release -- history {}",
        path.display(),
        report.names[kept.phone],
        kept.transcript.height(),
        path.display(),
    )))
}

/// Writes the evidence of the first phone that diverged to `path`; what was written, in words.
pub(crate) fn write_evidence(
    path: Option<&Path>,
    report: &Report,
) -> Result<Option<String>, Refusal> {
    let Some(path) = path else { return Ok(None) };
    let Some(kept) = report.diverged.first() else {
        return Ok(Some(
            "Evidence: none was written, no phone has diverged.".to_owned(),
        ));
    };
    let target = Target {
        path,
        what: "the evidence",
        hint: "name another file with --evidence FILE",
    };
    let bytes = kept.divergence.encode();
    target.write(&bytes)?;
    Ok(Some(format!(
        "Evidence: {} ({}'s, {} bytes, of block {}).",
        path.display(),
        report.names[kept.phone],
        bytes.len(),
        kept.divergence.height,
    )))
}
