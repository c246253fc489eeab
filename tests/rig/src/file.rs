//! Files that a run writes: looked at before the run, put in place whole after it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::Refusal;

/// A file to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// Where.
    pub(crate) path: &'a Path,
    /// What it is, such as `the report`.
    pub(crate) what: &'a str,
    /// What to do where it cannot be written.
    pub(crate) hint: &'a str,
}

impl Target<'_> {
    /// Makes sure before a long run that the file can be written after it.
    pub(crate) fn probe(&self) -> Result<(), Refusal> {
        let probe = || match fs::metadata(self.path) {
            Ok(found) if found.is_dir() => Err(ErrorKind::IsADirectory.into()),
            // Opened to append, a file that is there keeps what it has.
            Ok(_) => fs::OpenOptions::new()
                .append(true)
                .open(self.path)
                .map(drop),
            Err(_) => {
                let beside = beside(self.path)?;
                fs::File::create(&beside)?;
                fs::remove_file(&beside)
            }
        };
        probe().map_err(|fault| self.refusal(&fault))
    }

    /// Writes `bytes`. Until all of them are on the disk the file is what it was before.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Refusal> {
        let write = || match fs::metadata(self.path) {
            // A device or a pipe cannot be replaced.
            Ok(found) if !found.is_file() => fs::write(self.path, bytes),
            found => {
                // A link stays a link.
                let path = match found {
                    Ok(_) => self.path.canonicalize()?,
                    Err(_) => self.path.to_path_buf(),
                };
                let beside = beside(&path)?;
                let written = fs::File::create(&beside)
                    .and_then(|mut file| {
                        io::Write::write_all(&mut file, bytes)?;
                        file.sync_all()
                    })
                    .and_then(|()| fs::rename(&beside, &path));
                if written.is_err() {
                    let _ = fs::remove_file(&beside);
                }
                written
            }
        };
        write().map_err(|fault| self.refusal(&fault))
    }

    fn refusal(&self, fault: &io::Error) -> Refusal {
        Refusal(format!(
            "cannot write {} {}: {fault}\n{}",
            self.what,
            self.path.display(),
            self.hint
        ))
    }
}

/// A name in the same folder, so that a rename puts the file in place in one step.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.part", std::process::id()));
    Ok(path.with_file_name(beside))
}
