//! What a transcript tells: every block is executed again, then the game is shown step by step.

mod game;
mod page;
mod read;
mod shown;
mod words;

use std::path::Path;

use self::game::Extent;
use crate::cli::History;
use crate::file::Target;
use crate::words::say;
use crate::{Ending, Refusal, json};

/// Heights that a page holds, the last ones: a phone should still open it. One takes about 1 KiB.
const PAGE_STEPS_MAX: usize = 5000;

pub(crate) fn run(options: &History) -> Result<Ending, Refusal> {
    let path = &options.transcript;
    let page = (!options.no_page && options.at.is_none()).then(|| page_target(&options.page));
    if let Some(page) = &page {
        page.probe()?;
    }
    let extent = match options.at {
        Some(_) => Extent::OneHeight,
        None => Extent::Whole,
    };
    let (transcript, damage) = read::read(path, extent)?;
    let (mut game, fault) = game::Game::retrace(&transcript, path, extent)?;
    // The file's own damage comes first: what fails after it is its consequence.
    let fault = damage.or(fault);

    match options.at {
        Some(height) => {
            let look = game.at(height).ok_or_else(|| {
                let kept = format!(
                    "the transcript {} has no height {height}: it has {} to {}\n\
                     name one of these with --at HEIGHT",
                    path.display(),
                    game.base_height,
                    game.height
                );
                Refusal(fault.clone().unwrap_or(kept))
            })?;
            if options.json {
                json::print(&look);
            } else {
                say(&words::look(&game, &look));
            }
        }
        None if options.json => json::print(&game),
        None => say(&words::game(&game)),
    }
    if let Some(target) = &page {
        game.keep_last(PAGE_STEPS_MAX);
        target.write(page::page(&game, fault.as_deref(), path).as_bytes())?;
        if !options.json {
            let path = target.path.display();
            say(&format!("Page: {path} (open it in a browser)\n"));
        }
    }
    match fault {
        Some(fault) => Err(Refusal(fault)),
        None => Ok(Ending::Good),
    }
}

fn page_target(path: &Path) -> Target<'_> {
    Target {
        path,
        what: "the page",
        hint: "name another file with --page FILE, or go without with --no-page",
    }
}
