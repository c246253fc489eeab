//! Somebody with a radio bends values on their way and plays old ones again: faults are counted,
//! nothing is committed wrongly, and the table goes on.

use althing_world::{Adversary, Game, Habits, Report};

use crate::room::{Room, SECOND, cheap};

/// A table of four that plays for half a minute, under attack or not.
fn play(seed: u64, adversary: Option<Adversary>) -> Report {
    let mut room = Room::sit(cheap(seed), 4);
    let habits = Habits {
        pause_min_us: 300_000,
        pause_max_us: 600_000,
        unsettled_max: 8,
        ..Habits::default()
    };
    room.world.add_players(0..4, Game::Counter, habits);
    room.world.set_adversary(adversary);
    room.run(SECOND);
    room.world.set_origin();
    room.run(SECOND * 30);
    let report = room.world.report(4);
    room.world.set_playing(false);
    room.world.set_adversary(None);
    room.settles(SECOND * 30);
    room.is_sound();
    report
}

fn faults(report: &Report, name: &str) -> u64 {
    let found = report.faults.iter().find(|(fault, _)| *fault == name);
    found.map_or(0, |(_, count)| *count)
}

fn keeps_goodput(attacked: &Report, calm: &Report) {
    // A later commit refuses more expectations: what counts is who got his answer.
    let settled = |report: &Report| report.actions.committed + report.actions.rejected;
    let (got, of) = (settled(attacked), settled(calm));
    println!(
        "settled {got} of {of}, p50 {} ms of {} ms, {} links lost, faults {:?}",
        attacked.commit.p50_ms(),
        calm.commit.p50_ms(),
        attacked.links_lost,
        attacked.faults,
    );
    assert!(got * 10 >= of * 9, "{got} of {of} settled");
}

#[test]
fn a_replayer_is_counted_and_costs_nothing() {
    let calm = play(1, None);
    let attacked = play(1, Some(Adversary::new(1, 0, 300)));
    assert!(faults(&attacked, "frame") + faults(&attacked, "fragment") > 50);
    keeps_goodput(&attacked, &calm);
}

#[test]
fn a_garbler_is_counted_and_costs_little() {
    let calm = play(2, None);
    let attacked = play(2, Some(Adversary::new(2, 20, 0)));
    assert!(!attacked.faults.is_empty());
    keeps_goodput(&attacked, &calm);
}

#[test]
fn a_heavy_garbler_slows_and_never_corrupts() {
    let attacked = play(3, Some(Adversary::new(3, 200, 200)));
    println!("{:?} {:?}", attacked.actions, attacked.faults);
    assert!(faults(&attacked, "frame") + faults(&attacked, "fragment") > 50);
}
