//! Every input that was ever interesting, on any toolchain; and a fixed stream of random ones, so
//! that a fresh corpus is not an empty test.

use std::fs;
use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpora")
        .join(target);
    let mut inputs: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|fault| panic!("{}: {fault}", folder.display()))
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    for input in &inputs {
        run(&fs::read(input).expect("corpus files can be read"));
    }

    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..200 {
        let mut input = Vec::new();
        for _ in 0..(state >> 33) % 512 {
            // Knuth's MMIX generator: any fixed stream will do.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            input.push((state >> 56) as u8);
        }
        state = state.rotate_left(7).wrapping_add(1);
        run(&input);
    }
}

#[test]
fn wire() {
    replay("wire", althing_fuzz::wire);
}

#[test]
fn reassembly() {
    replay("reassembly", althing_fuzz::reassembly);
}

#[test]
fn node() {
    replay("node", althing_fuzz::node);
}

#[test]
fn delta() {
    replay("delta", althing_fuzz::delta);
}

#[test]
fn sketch() {
    replay("sketch", althing_fuzz::sketch);
}

#[test]
fn parts() {
    replay("parts", althing_fuzz::parts);
}

#[test]
fn packed() {
    replay("packed", althing_fuzz::packed);
}

#[test]
fn transcript() {
    replay("transcript", althing_fuzz::transcript);
}
