//! The game as one page with a slider: any height's table, who did what, and what it changed.

use std::path::Path;

use serde::Serialize;

use super::game::Game;
use crate::page::{STYLE, data, escaped, fill};

const TEMPLATE: &str = include_str!("page/page.html");
const OWN_STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

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
            ("data", &data(&Data { fault, game })),
        ],
    )
}

#[cfg(test)]
mod tests;
