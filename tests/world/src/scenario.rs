//! Ready-made runs. Each builds a world, plays it and returns a [`Report`](crate::Report).

mod heal;
mod replay;
mod room;
mod snapshot;
mod soak;
mod story;
mod table;
mod watch;

pub use heal::{Heal, HealOptions, heal};
pub use replay::{ReplayOptions, replay};
pub use room::{CatchUp, CatchUpOptions, RoomOptions, catch_up, reference_room};
pub use snapshot::{SnapshotOptions, SnapshotOverLink, snapshot_over_link};
pub use soak::{DENSE_LASTS, SoakOptions, dense_soak, partition_soak, soak};
pub use story::{Branch, Plot, Story, StoryOptions, story};
pub use table::{TableOptions, table};

use althing::node::Command;
use althing::{Config, Duration};

use crate::player::Game;
use crate::report::KeptTranscript;
use crate::world::World;

/// Names of players, in order.
const NAMES: [&str; 16] = [
    "Anna", "Birgir", "Dagny", "Einar", "Freyja", "Gunnar", "Helga", "Ivar", "Jorunn", "Kari",
    "Lilja", "Magnus", "Nanna", "Oddur", "Ragna", "Sigurd",
];

/// Bytes of blocks that phones keep in a run whose transcript is wanted: several thousand rolls.
const TRANSCRIPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What nodes are configured with, where the run's transcript is wanted or not.
fn node_config(transcript: bool) -> Config {
    let mut config = Config::default();
    if transcript {
        config.group.history_bytes_max = TRANSCRIPT_BYTES_MAX;
    }
    config
}

/// The transcript for a report, where it is wanted.
fn kept(world: &World, wanted: bool, players: usize) -> Option<KeptTranscript> {
    wanted.then(|| world.longest_transcript(players)).flatten()
}

/// How long each step of a gathering may take.
const GATHERING_MAX: Duration = Duration::from_secs(60);

/// Votes that a committee of `n` needs by the default mode: Majority for 2 and 3, Bft from 4.
pub const fn quorum(n: usize) -> usize {
    if n < 4 {
        return n / 2 + 1;
    }
    let faulty = (n - 1) / 3;
    (n + faulty + 1).div_ceil(2)
}

/// The first `players` phones gather by a ticket that the first one shows, and start. The error
/// says what did not happen.
pub fn gather(world: &mut World, players: usize, game: Game) -> Result<(), String> {
    gather_with(world, players, game.rules(), game.config(players))
}

/// The same with any rule set that phones have.
pub(crate) fn gather_with(
    world: &mut World,
    players: usize,
    rules: &str,
    rules_config: Vec<u8>,
) -> Result<(), String> {
    let name = |world: &World, phone: usize| world.phone(phone).name().to_owned();
    let open = Command::OpenTable {
        name: name(world, 0),
        rules: rules.to_owned(),
        rules_config,
        mode: None,
    };
    world
        .command(0, open)
        .map_err(|error| format!("the table does not open: {error}"))?;
    let ticket = world.phone(0).ticket().unwrap_or_default().to_owned();
    for phone in 1..players {
        let join = Command::JoinTable {
            ticket: ticket.clone(),
            name: name(world, phone),
        };
        world
            .command(phone, join)
            .map_err(|error| format!("phone {phone} cannot join: {error}"))?;
    }
    let until = world.now() + GATHERING_MAX;
    if !world.run_until_or(until, &mut |world| world.phone(0).listed() >= players) {
        let listed = world.phone(0).listed();
        return Err(format!("only {listed} of {players} phones are listed"));
    }
    let group = world.phone(0).group().expect("the table is open");
    world
        .command(0, Command::StartTable { group })
        .map_err(|error| format!("the table does not start: {error}"))?;
    let until = world.now() + GATHERING_MAX;
    let everyone = |world: &World| (0..players).all(|phone| world.phone(phone).has_started());
    if !world.run_until_or(until, &mut |world| everyone(world)) {
        return Err("the table has not started on every phone".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::quorum;

    #[test]
    fn quorums_are_those_of_the_modes() {
        let quorums: Vec<usize> = (1..=16).map(quorum).collect();
        assert_eq!(quorums, [1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8, 9, 10, 10, 11]);
    }
}
