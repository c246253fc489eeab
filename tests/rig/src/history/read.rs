//! From a file to a transcript, or to words that say what to do.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use althing::group::{TranscriptDamage, TranscriptFileError, TranscriptReader};
use althing::node::Transcript;

use super::game::Extent;
use crate::Refusal;

const PIECE: usize = 64 * 1024;

/// The transcript in `path`, of which `extent` is shown. Of a damaged file what can be read, and what is to be said of the rest.
pub(super) fn read(path: &Path, extent: Extent) -> Result<(Transcript, Option<String>), Refusal> {
    let shown = path.display();
    let unreadable = |fault: std::io::Error| {
        Refusal(format!(
            "cannot read the transcript {shown}: {fault}\n\
             give the path of a file that --transcript FILE wrote, or that a phone exported"
        ))
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut reader = TranscriptReader::new();
    let mut piece = vec![0; PIECE];
    loop {
        let len = file.read(&mut piece).map_err(unreadable)?;
        if len == 0 || !reader.push(&piece[..len]) {
            break;
        }
    }
    match reader.finish() {
        Ok(transcript) => Ok((transcript, None)),
        Err(damage) => {
            let told = format!(
                "the transcript {shown}: {damage}\n{}",
                advice(&damage, extent)
            );
            match damage.readable {
                Some(transcript) => Ok((*transcript, Some(told))),
                None => Err(Refusal(told)),
            }
        }
    }
}

/// How far a damaged file goes, and what to do.
fn advice(damage: &TranscriptDamage, extent: Extent) -> String {
    match damage.error {
        TranscriptFileError::Newer { .. } => {
            return "look at it with the build that wrote it, or a newer one".to_owned();
        }
        TranscriptFileError::Empty | TranscriptFileError::NotATranscript => {
            return "give a file that --transcript FILE wrote, or that a phone exported".to_owned();
        }
        TranscriptFileError::TooLong { .. }
        | TranscriptFileError::Truncated
        | TranscriptFileError::Check
        | TranscriptFileError::UnknownKind { .. }
        | TranscriptFileError::RecordTooLong { .. }
        | TranscriptFileError::Malformed { .. }
        | TranscriptFileError::OutOfPlace { .. }
        | TranscriptFileError::Trailing => {}
    }
    let again = "copy the file again, or export the transcript of another phone of the group: the \
                 blocks are the same";
    match &damage.readable {
        Some(transcript) => format!(
            "what stands in blocks {} to {} can be read{}; for the rest {again}",
            transcript.base_height(),
            transcript.height(),
            extent.told()
        ),
        None => format!("no block of it can be read: {again}"),
    }
}
