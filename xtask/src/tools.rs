//! Running cargo, and bringing what is missing.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::report::{Counts, Outcome};

/// Pinned, so that the same commit is checked by the same rules next year.
const CARGO_DENY_VERSION: &str = "0.20.2";

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace")
        .to_owned()
}

/// The one target folder that every step shares.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn cargo_path() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// `cargo` in the workspace, on the shared target folder.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(cargo_path());
    command
        .args(arguments)
        .current_dir(root())
        .env("CARGO_TARGET_DIR", target());
    command
}

/// Who compiles the fuzz targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The one that builds the workspace.
    Own,
    /// Nightly, through rustup.
    Nightly,
}

/// `cargo` of `toolchain` for the fuzz targets, on their own target folder.
pub(crate) fn fuzz_cargo(toolchain: Toolchain, arguments: &[&str]) -> Command {
    let mut command = match toolchain {
        Toolchain::Own => Command::new(cargo_path()),
        Toolchain::Nightly => nightly("cargo"),
    };
    command
        .args(arguments)
        .current_dir(root())
        .env("CARGO_TARGET_DIR", target().join("fuzz"));
    command
}

/// Whether `toolchain` compiles with `flags`: an empty program, built in no time.
pub(crate) fn instruments(toolchain: Toolchain, flags: &str) -> bool {
    let mut command = match toolchain {
        Toolchain::Own => Command::new("rustc"),
        Toolchain::Nightly => nightly("rustc"),
    };
    let folder = target().join("fuzz");
    if std::fs::create_dir_all(&folder).is_err() {
        return false;
    }
    let child = command
        .args([
            "-",
            "--crate-type",
            "lib",
            "--crate-name",
            "probe",
            "--out-dir",
        ])
        .arg(folder)
        .args(flags.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    child.is_ok_and(|status| status.success())
}

fn nightly(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .arg("+nightly")
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env_remove("RUSTUP_TOOLCHAIN");
    command
}

/// The triple of this machine.
pub(crate) fn host() -> String {
    let version = Command::new("rustc").arg("-vV").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    version
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap_or("x86_64-unknown-linux-gnu")
        .to_owned()
}

/// Runs `command` and says how it ended.
pub(crate) fn run(mut command: Command) -> Outcome {
    println!("$ {}", shown(&command));
    match command.status() {
        Ok(status) if status.success() => Outcome::Passed,
        Ok(status) => Outcome::Failed(format!("`{}` ended with {status}", shown(&command))),
        Err(fault) => Outcome::Failed(format!("`{}` did not start: {fault}", shown(&command))),
    }
}

/// Runs a `cargo test`, passes its output on and counts its result lines.
pub(crate) fn run_tests(mut command: Command, counts: &mut Counts) -> Outcome {
    println!("$ {}", shown(&command));
    let mut child = match command.stdout(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(fault) => {
            return Outcome::Failed(format!("`{}` did not start: {fault}", shown(&command)));
        }
    };
    let output = child.stdout.take().expect("stdout is piped");
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        counts.read(&line);
    }
    let _ = std::io::stdout().flush();
    match child.wait() {
        Ok(status) if status.success() => Outcome::Passed,
        Ok(status) => Outcome::Failed(format!("`{}` ended with {status}", shown(&command))),
        Err(fault) => Outcome::Failed(format!("`{}` was lost: {fault}", shown(&command))),
    }
}

/// Whether a program starts and answers.
pub(crate) fn answers(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .current_dir(root())
        .env_remove("RUSTUP_TOOLCHAIN")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A component of the toolchain; rustup is asked for it where it is missing.
pub(crate) fn component(name: &str, brought: &mut Vec<String>) -> Result<(), String> {
    let here = || {
        cargo(&[name, "--version"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if here() {
        return Ok(());
    }
    let component = if name == "fmt" { "rustfmt" } else { name };
    println!("$ rustup component add {component}");
    let _ = Command::new("rustup")
        .args(["component", "add", component])
        .current_dir(root())
        .status();
    if here() {
        brought.push(component.to_owned());
        return Ok(());
    }
    Err(format!(
        "the toolchain has no {component} and `rustup component add {component}` did not bring it"
    ))
}

/// cargo-deny: the one under `target/tools`, built there where it is missing.
///
/// Without its default features it has no network stack (nothing here asks the advisory database),
/// and unoptimised it builds in a minute on two cores; the check itself takes half a second.
pub(crate) fn cargo_deny(brought: &mut Vec<String>) -> Result<PathBuf, String> {
    let tools = target().join("tools");
    let program = tools.join("bin").join("cargo-deny");
    let is_right = || {
        Command::new(&program)
            .arg("--version")
            .output()
            .is_ok_and(|out| String::from_utf8_lossy(&out.stdout).contains(CARGO_DENY_VERSION))
    };
    if is_right() {
        return Ok(program);
    }
    let tools_path = tools.to_string_lossy();
    let mut install = cargo(&[
        "install",
        "cargo-deny",
        "--version",
        CARGO_DENY_VERSION,
        "--locked",
        "--no-default-features",
        "--debug",
        "--force",
        "--root",
        &tools_path,
    ]);
    install
        .env("CARGO_TARGET_DIR", tools.join("build"))
        .env_remove("RUSTFLAGS");
    if let Outcome::Failed(why) = run(install) {
        return Err(format!(
            "{why}: is the package registry out of reach? A cargo-deny {CARGO_DENY_VERSION} at {} is used as it is",
            program.display()
        ));
    }
    if !is_right() {
        return Err("cargo-deny was built and does not answer".to_owned());
    }
    // Only the program is wanted.
    let _ = std::fs::remove_dir_all(tools.join("build"));
    brought.push(format!("cargo-deny {CARGO_DENY_VERSION}"));
    Ok(program)
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    std::iter::once(program)
        .chain(
            command
                .get_args()
                .map(|argument| argument.to_string_lossy().into_owned()),
        )
        .collect::<Vec<_>>()
        .join(" ")
}
