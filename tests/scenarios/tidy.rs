//! What the tree itself keeps: who imports whom, which words are not used, how long a file gets.
//!
//! Comments and the contents of string literals are blanked before code is looked at, so that only
//! code counts as code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A file longer than this is split.
const FILE_LINES_MAX: usize = 600;

/// Anyone may import these.
const BASE: [&str; 7] = ["wire", "crypto", "id", "time", "config", "error", "outbox"];

/// What a module of the core imports beside itself. `ARCHITECTURE.md` explains each edge; the
/// layers above `BASE` get it on top of what stands here.
const EDGES: [(&str, &[&str]); 17] = [
    ("node", &["group", "mesh", "link", "ble", "rules", "state"]),
    ("group", &["consensus", "sync", "rules", "state"]),
    ("sync", &["rules", "state"]),
    ("rules", &["state"]),
    ("consensus", &[]),
    ("state", &[]),
    ("mesh", &[]),
    // The words of the port (`PORT_WORDS`) and nothing else of it.
    ("link", &["ble"]),
    ("ble", &[]),
    // Values that travel, down to bare numbers.
    ("wire", &["crypto", "id", "time"]),
    ("crypto", &["id", "time"]),
    ("id", &[]),
    ("time", &[]),
    ("outbox", &[]),
    // A decoder's error is one of the named failures.
    ("error", &["wire", "crypto", "id", "time"]),
    // A configuration carries the rule sets and, in tests, the rule mask.
    ("config", &["rules", "consensus", "time", "id", "crypto"]),
    // The crate's own page: it only names what is below it.
    ("lib", &["node"]),
];

/// What a link knows of the radio port: its own role and what became of an operation.
const PORT_WORDS: [&str; 2] = ["OperationResult", "Role"];

/// Which crate of the workspace may depend on which other.
const CRATE_EDGES: [(&str, &[&str]); 9] = [
    ("core", &[]),
    ("ffi", &["althing-driver", "althing"]),
    ("ffi/driver", &["althing"]),
    ("tests/world", &["althing"]),
    ("tests/scenarios", &["althing-world", "althing"]),
    ("tests/model", &["althing"]),
    ("tests/rig", &["althing-world", "althing-driver", "althing"]),
    ("tests/fuzz", &["althing"]),
    ("xtask", &[]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("tests/scenarios lies two folders deep")
        .to_owned()
}

/// Every file of the tree by its path from the root, build products and version control left out.
fn files() -> Vec<String> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        let mut entries: Vec<PathBuf> = fs::read_dir(folder)
            .expect("the tree can be read")
            .map(|entry| entry.expect("the tree can be read").path())
            .collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().expect("entries have names");
            let folder = path.is_dir();
            if name == ".git" || folder && (name == "target" || name == "corpora") {
                continue;
            }
            if folder {
                walk(&path, root, found);
            } else {
                let path = path.strip_prefix(root).expect("below the root");
                found.push(path.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &root(), &mut found);
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

fn rust_files() -> impl Iterator<Item = (String, String)> {
    files()
        .into_iter()
        .filter(|path| path.ends_with(".rs"))
        .map(|path| {
            let text = read(&path);
            (path, text)
        })
}

/// `text` with comments and the contents of literals blanked; lines stay where they are.
fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => line_end(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => block_end(bytes, at),
            b'r' | b'b' | b'c' if !is_word_before(bytes, at) => raw_string_end(bytes, at),
            b'"' => string_end(bytes, at + 1),
            b'\'' => char_end(bytes, at),
            _ => at,
        };
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8(code).expect("only whole literals were blanked")
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_word_before(bytes: &[u8], at: usize) -> bool {
    at > 0 && is_word(bytes[at - 1])
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes[at..].iter().position(|byte| *byte == b'\n');
    rest.map_or(bytes.len(), |length| at + length)
}

fn block_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of a raw string that starts at `at`, or `at` where none does.
fn raw_string_end(bytes: &[u8], at: usize) -> usize {
    let mut quote = at;
    while quote < bytes.len() && matches!(bytes[quote], b'r' | b'b' | b'c') {
        quote += 1;
    }
    let is_raw = bytes[at..quote].contains(&b'r');
    let hashes = bytes[quote..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    if !is_raw || quote - at > 2 || bytes.get(quote + hashes) != Some(&b'"') {
        return at;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let from = quote + hashes + 1;
    bytes[from..]
        .windows(end.len())
        .position(|window| window == end)
        .map_or(bytes.len(), |length| from + length + end.len())
}

/// The end of a character literal; a lifetime has none.
fn char_end(bytes: &[u8], at: usize) -> usize {
    if bytes.get(at + 1) == Some(&b'\\') {
        let close = bytes[at + 3..].iter().position(|byte| *byte == b'\'');
        return close.map_or(at, |length| at + 3 + length + 1);
    }
    let text = &bytes[at + 1..bytes.len().min(at + 6)];
    match text.iter().position(|byte| *byte == b'\'') {
        // One character between two quotes, of one to four bytes.
        Some(length)
            if length > 0
                && std::str::from_utf8(&text[..length])
                    .is_ok_and(|inside| inside.chars().count() == 1) =>
        {
            at + 1 + length + 1
        }
        _ => at,
    }
}

/// The module of the core that a file belongs to, and how many `super` lead from it to the root.
fn module_of(path: &str) -> Option<(String, usize)> {
    let inside = path.strip_prefix("core/src/")?.strip_suffix(".rs")?;
    let mut parts = inside.split('/');
    let module = parts.next()?.to_owned();
    Some((module, 1 + parts.count()))
}

/// The identifiers right after `prefix`, one or a braced group of them, with their line.
fn named_after(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if is_word_before(code.as_bytes(), at) {
            continue;
        }
        let line = 1 + code[..at].matches('\n').count();
        let rest = code[at + prefix.len()..].trim_start();
        let Some(group) = rest.strip_prefix('{') else {
            found.push((line, identifier(rest)));
            continue;
        };
        let mut depth = 0;
        let mut expects_name = true;
        for (offset, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => expects_name = true,
                _ if expects_name && (character.is_alphabetic() || character == '_') => {
                    found.push((line, identifier(&group[offset..])));
                    expects_name = false;
                }
                _ => {}
            }
        }
    }
    found
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect()
}

#[test]
fn the_core_imports_only_along_the_table() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = EDGES
        .iter()
        .map(|(module, below)| {
            let mut below: BTreeSet<&str> = below.iter().copied().collect();
            if !BASE.contains(module) {
                below.extend(BASE);
            } else if *module != "id" && *module != "time" {
                // Bounds, failures and queues: plain values that know no layer.
                below.extend(["config", "error", "outbox"]);
            }
            (*module, below)
        })
        .collect();
    let mut broken = Vec::new();
    let mut edges = 0;
    for (path, text) in rust_files() {
        let Some((module, depth)) = module_of(&path) else {
            continue;
        };
        let below = allowed
            .get(module.as_str())
            .unwrap_or_else(|| panic!("{path}: {module} is not in the import table"));
        let code = code_only(&text);
        let to_root = "super::".repeat(depth);
        let named = named_after(&code, "crate::")
            .into_iter()
            .chain(named_after(&code, &to_root));
        if module == "link" {
            for (line, name) in named_after(&code, "crate::ble::") {
                if !PORT_WORDS.contains(&name.as_str()) {
                    broken.push(format!("{path}:{line}: link imports ble::{name}"));
                }
            }
        }
        for (line, name) in named {
            if !allowed.contains_key(name.as_str()) || name == module {
                continue;
            }
            edges += 1;
            if !below.contains(name.as_str()) {
                broken.push(format!("{path}:{line}: {module} imports {name}"));
            }
        }
    }
    assert!(
        edges > 30,
        "only {edges} imports were seen: the parser is blind"
    );
    assert!(
        broken.is_empty(),
        "not in the import table:\n{}",
        broken.join("\n")
    );
}

#[test]
fn crates_depend_only_downwards() {
    let mut broken = Vec::new();
    for (folder, below) in CRATE_EDGES {
        let manifest = format!("{folder}/Cargo.toml");
        let text = read(&manifest);
        let mut section = "";
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
                continue;
            }
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if !section.ends_with("dependencies") || !name.starts_with("althing") {
                continue;
            }
            if !below.contains(&name) {
                broken.push(format!("{manifest}: depends on {name}"));
            }
        }
        if folder != "ffi" && text.lines().any(|line| line.starts_with("uniffi")) {
            broken.push(format!("{manifest}: only ffi names uniffi"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The words that `GLOSSARY.md` bans, from its section of that name.
fn banned_words() -> BTreeSet<String> {
    let glossary = read("GLOSSARY.md");
    let section = glossary
        .split_once("## Banned in identifiers")
        .expect("GLOSSARY.md lists the banned words")
        .1;
    let section = section.split("\n## ").next().unwrap_or_default();
    section
        .lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(|line| line.split('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(str::to_lowercase)
        .collect()
}

/// `AttMtu` and `att_mtu` are both `att`, `mtu`.
fn words_of(identifier: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for character in identifier.chars() {
        if character == '_' || (character.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if character != '_' {
            let last = words.last_mut().expect("there is always a word");
            last.extend(character.to_lowercase());
        }
        was_lower = character.is_lowercase() || character.is_numeric();
    }
    words
}

#[test]
fn banned_words_are_not_used() {
    let banned = banned_words();
    assert!(banned.len() >= 10, "the list of GLOSSARY.md was not found");
    let mut broken = Vec::new();
    for (path, text) in rust_files() {
        if !(path.starts_with("core/") || path.starts_with("ffi/")) {
            continue;
        }
        for (number, line) in code_only(&text).lines().enumerate() {
            let names = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            for name in names.filter(|name| !name.is_empty()) {
                for word in words_of(name) {
                    if banned.contains(&word) && !name.starts_with("att_mtu") {
                        broken.push(format!("{path}:{}: {name} ({word})", number + 1));
                    }
                }
            }
        }
    }
    assert!(
        broken.is_empty(),
        "GLOSSARY.md names the word to use instead:\n{}",
        broken.join("\n")
    );
}

#[test]
fn files_stay_short() {
    let broken: Vec<String> = rust_files()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert!(
        broken.is_empty(),
        "longer than {FILE_LINES_MAX} lines:\n{}",
        broken.join("\n")
    );
}

/// Marks of unfinished work, written so that this file does not hold them.
fn marks() -> Vec<String> {
    [
        "TO,DO",
        "FIX,ME",
        "XX,X",
        "HA,CK",
        "todo,!(",
        "unimplemented,!(",
    ]
    .iter()
    .map(|mark| mark.replace(',', ""))
    .collect()
}

#[test]
fn unfinished_work_has_an_owner() {
    let mut broken = Vec::new();
    for (path, text) in rust_files() {
        for (number, line) in text.lines().enumerate() {
            for mark in marks() {
                let Some(at) = line.find(&mark) else {
                    continue;
                };
                // `MARK(name)` has an owner; a macro that panics has none whatever it says.
                let owned = !mark.ends_with("!(") && line[at + mark.len()..].starts_with('(');
                if !owned && !is_word_before(line.as_bytes(), at) {
                    broken.push(format!("{path}:{}: {}", number + 1, line.trim()));
                }
            }
        }
    }
    assert!(
        broken.is_empty(),
        "without an owner:\n{}",
        broken.join("\n")
    );
}

#[test]
fn nothing_names_a_machine() {
    let places: Vec<String> = ["ro,ot", "wo,rk", "ho,me", "Us,ers"]
        .iter()
        .map(|place| format!("/{}/", place.replace(',', "")))
        .collect();
    let mut broken = Vec::new();
    for path in files() {
        // Pictures and other files that are not text hold no paths.
        let Ok(text) = fs::read_to_string(root().join(&path)) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for place in &places {
                // In the middle of a longer path it names no machine.
                let starts = line
                    .match_indices(place.as_str())
                    .any(|(at, _)| !is_word_before(line.as_bytes(), at));
                if starts {
                    broken.push(format!("{path}:{}: {}", number + 1, line.trim()));
                }
            }
        }
    }
    assert!(
        broken.is_empty(),
        "paths of one machine:\n{}",
        broken.join("\n")
    );
}

#[test]
fn code_is_told_from_comments_and_literals() {
    let text = "let a = \"crate::x\"; // crate::y\n/* crate::z */ let b = r#\"crate::w\"#;\n\
                let c: &'static str = 'c'.into(); use crate::{mesh::{A, B}, link};\n\
                let d = '\\''; let e = b\"crate::v\"; crate::wire::encode(1);";
    let code = code_only(text);
    assert_eq!(code.len(), text.len());
    let names: Vec<String> = named_after(&code, "crate::")
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(names, ["mesh", "link", "wire"]);
}

#[test]
fn identifiers_fall_into_words() {
    assert_eq!(words_of("value_len_max"), ["value", "len", "max"]);
    assert_eq!(words_of("PacketId"), ["packet", "id"]);
    assert_eq!(words_of("ATT_MTU"), ["att", "mtu"]);
}
