//! The steps of each command.

use std::process::{Command, ExitCode};

use crate::report::{Outcome, Report};
use crate::tools::{
    Toolchain, answers, cargo, cargo_deny, component, fuzz_cargo, host, instruments, root, run,
    run_tests,
};

/// Features that only tests switch on.
const TEST_FEATURES: &str = "althing/mask,althing-rig/planted";

/// The targets of `tests/fuzz`.
const FUZZ_TARGETS: [&str; 8] = [
    "wire",
    "reassembly",
    "node",
    "delta",
    "sketch",
    "parts",
    "packed",
    "transcript",
];

/// Everything that must hold before a commit.
pub(crate) fn test() -> ExitCode {
    let mut report = Report::new();

    report.step("formatting", |_, brought| match component("fmt", brought) {
        Ok(()) => run(cargo(&["fmt", "--all", "--check"])),
        Err(why) => Outcome::Impossible(why),
    });

    report.step("lints", |_, brought| match component("clippy", brought) {
        Ok(()) => run(cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ])),
        Err(why) => Outcome::Impossible(why),
    });

    report.step(
        "lints, rule mask and planted bugs",
        |_, brought| match component("clippy", brought) {
            Ok(()) => run(cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--features",
                TEST_FEATURES,
                "--quiet",
                "--",
                "-D",
                "warnings",
            ])),
            Err(why) => Outcome::Impossible(why),
        },
    );

    report.step("documentation", |_, _| {
        let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
        doc.env("RUSTDOCFLAGS", "-D warnings");
        run(doc)
    });

    report.step("unit, scenario, tidy and doc tests", |counts, _| {
        run_tests(cargo(&["test", "--workspace", "--no-fail-fast"]), counts)
    });

    // The whole workspace is named, so that no dependency is built again with other features.
    report.step("rule mask, planted bugs", |counts, _| {
        run_tests(
            cargo(&[
                "test",
                "--workspace",
                "--features",
                TEST_FEATURES,
                "--lib",
                "--test",
                "runs",
                "--no-fail-fast",
            ]),
            counts,
        )
    });

    report.step("model, two rounds", |_, _| run(model_command(&[])));

    report.step("fuzz corpora", |counts, _| {
        run_tests(
            cargo(&[
                "test",
                "--manifest-path",
                "tests/fuzz/Cargo.toml",
                "--no-default-features",
            ]),
            counts,
        )
    });

    report.step("dependencies", |_, brought| match cargo_deny(brought) {
        Ok(program) => {
            let mut deny = Command::new(program);
            deny.args(["--all-features", "--log-level", "error"])
                .args(["check", "licenses", "bans", "sources"])
                .current_dir(root());
            run(deny)
        }
        Err(why) => Outcome::Impossible(why),
    });

    if report.close() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The explorer, with `arguments`. The crate itself is optimised in every profile.
fn model_command(arguments: &[&str]) -> Command {
    let mut command = cargo(&["run", "--quiet", "--package", "althing-model"]);
    command.args(["--features", "mask", "--"]).args(arguments);
    command
}

/// Explores the rules; the last line is the explorer's own, and so is the exit code.
pub(crate) fn model(arguments: &[&str]) -> ExitCode {
    match model_command(arguments).status() {
        Ok(status) => status.code().map_or(ExitCode::FAILURE, |code| {
            ExitCode::from(u8::try_from(code).unwrap_or(1))
        }),
        Err(fault) => {
            eprintln!("xtask: cargo did not start: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Coverage instrumentation for libFuzzer, by flags that every toolchain has: what cargo-fuzz passes,
/// less the address sanitizer, which only nightly has and which has nothing to find: the core has no
/// unsafe code.
const INSTRUMENTATION: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1 \
    -Cdebug-assertions";

/// Guided fuzzing of every target: on the toolchain of the workspace where it can instrument, else on
/// nightly.
pub(crate) fn fuzz(seconds: u64) -> ExitCode {
    let mut report = Report::new();
    // Named, so that build scripts are not instrumented with the rest.
    let host = host();
    let toolchain = [Toolchain::Own, Toolchain::Nightly]
        .into_iter()
        .find(|toolchain| instruments(*toolchain, INSTRUMENTATION));
    for target in FUZZ_TARGETS {
        report.step(target, |_, _| {
            let Some(toolchain) = toolchain else {
                return Outcome::Impossible(
                    "neither this toolchain nor nightly takes the flags of coverage instrumentation \
                     (`-Cpasses=sancov-module`): `rustup toolchain install nightly`"
                        .to_owned(),
                );
            };
            if !answers("c++", &["--version"]) {
                return Outcome::Impossible(
                    "libFuzzer is C++: install a C++ compiler (Debian: `apt-get install g++`)"
                        .to_owned(),
                );
            }
            let corpus = format!("tests/fuzz/corpora/{target}");
            if let Err(fault) = std::fs::create_dir_all(root().join(&corpus)) {
                return Outcome::Impossible(format!("{corpus}: {fault}"));
            }
            let limit = format!("-max_total_time={seconds}");
            let mut command = fuzz_cargo(
                toolchain,
                &[
                    "run",
                    "--quiet",
                    "--release",
                    "--manifest-path",
                    "tests/fuzz/Cargo.toml",
                    "--target",
                    &host,
                    "--bin",
                    target,
                    "--",
                    &corpus,
                    &limit,
                    "-max_len=4096",
                ],
            );
            command.env("RUSTFLAGS", INSTRUMENTATION);
            run(command)
        });
    }
    if report.close() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
