//! The game as one page with a slider: any height's table, who did what, and what it changed.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::game::Game;
use crate::page::{STYLE, data, escaped, fill};

const TEMPLATE: &str = include_str!("page/page.html");
const OWN_STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// Largest whole number up to which a script knows each: `Number.MAX_SAFE_INTEGER`.
const SCRIPT_INTEGER_MAX: u64 = (1 << 53) - 1;

#[derive(Serialize)]
struct Data<'a> {
    /// What is wrong with the file, if anything.
    fault: Option<&'a str>,
    #[serde(flatten)]
    game: &'a Game,
}

/// The page of `game`, of which `fault` says what else there was in the file at `path`.
pub(super) fn page(game: &Game, fault: Option<&str>, path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    fill(
        TEMPLATE,
        &[
            ("title", &escaped(&game.members.join(", "))),
            ("file", &escaped(&file)),
            ("style", STYLE),
            ("own-style", OWN_STYLE),
            ("script", SCRIPT),
            ("data", &data(&exact(&Data { fault, game }))),
        ],
    )
}

/// `data` with every whole number that a script would round as a string.
fn exact(data: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(data).expect("plain structures serialize");
    let mut open = vec![&mut value];
    while let Some(value) = open.pop() {
        match value {
            Value::Number(number) => {
                let size = number.as_u64().or(number.as_i64().map(i64::unsigned_abs));
                if size.is_some_and(|size| size > SCRIPT_INTEGER_MAX) {
                    *value = Value::String(number.to_string());
                }
            }
            Value::Array(items) => open.extend(items),
            Value::Object(items) => open.extend(items.values_mut()),
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
    value
}

#[cfg(test)]
mod tests;
