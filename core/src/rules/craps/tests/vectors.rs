//! What the version of the rule set stands for: the whole payout table, and a played script.

use super::*;

#[test]
fn vectors_hold() {
    let mut text = String::from("craps 2\n");
    let house = CrapsConfig::default();
    for kind in BetKind::ALL {
        let lines = PHASES.map(|point| throws(kind, point, &house));
        for (place, line) in lines.iter().enumerate() {
            if lines[..place].contains(line) {
                continue;
            }
            let phases: Vec<String> = PHASES
                .into_iter()
                .zip(&lines)
                .filter(|(_, other)| *other == line)
                .map(|(point, _)| point.map_or("come-out".to_owned(), |point| point.to_string()))
                .collect();
            let phases = phases.join(" ");
            text.push_str(&format!("{}, {phases}: {line}\n", kind.name()));
        }
    }
    let mut game = Game::new(3, 50, 200);
    for (draw, (member, action)) in (0u8..).zip(script()) {
        let hex: String = action
            .encode()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let result = match game.act(member, action) {
            Ok(()) => "ok".to_owned(),
            Err(rejection) => format!("code {} {:02x?}", rejection.code, &*rejection.detail),
        };
        if action == CrapsAction::Roll {
            game.draw(Hash([draw; 32]));
        }
        let table = game.table();
        text.push_str(&format!(
            "{member} {hex} -> {result}; hands {:?}, bank {}, point {:?}, shooter {:?}, turn {}, dice {:?}\n",
            table.chips,
            table.bank,
            table.point,
            table.shooter,
            table.turn,
            table.dice.last().map(|dice| (dice.first, dice.second)),
        ));
    }
    assert_eq!(
        text, VECTORS,
        "behaviour changed: a new version of the rule set\n{text}"
    );
}

/// What all 36 dice do to a bet: equal ones in a row as one, with their count.
fn throws(kind: BetKind, point: Option<u8>, house: &CrapsConfig) -> String {
    let throws: Vec<String> = Dice::all()
        .map(
            |dice| match verdict(kind, Working::Usual, point, dice, house) {
                Verdict::Stays => ".".to_owned(),
                Verdict::Loses => "L".to_owned(),
                Verdict::Pushes => "P".to_owned(),
                Verdict::Moves(to) => format!("M{}", to.index()),
                Verdict::Wins(odds) => format!("{}:{}", odds.pays, odds.to),
            },
        )
        .collect();
    let runs = throws.chunk_by(|one, other| one == other);
    let words: Vec<String> = runs
        .map(|run| match run.len() {
            1 => run[0].clone(),
            len => format!("{}*{len}", run[0]),
        })
        .collect();
    words.join(" ")
}

fn script() -> Vec<(u8, CrapsAction)> {
    let bet = |member, kind, chips| (member, CrapsAction::Bet { kind, chips });
    let take_down = |member, kind, chips| (member, CrapsAction::TakeDown { kind, chips });
    let switch = |member, kind, working| (member, CrapsAction::Switch { kind, working });
    let roll = |member| (member, CrapsAction::Roll);
    vec![
        (0, CrapsAction::Sit),
        (2, CrapsAction::Sit),
        (2, CrapsAction::Sit),
        bet(1, BetKind::Pass, 5),
        bet(0, BetKind::Pass, 5),
        bet(0, BetKind::Pass, 3),
        bet(2, BetKind::DontPass, 300),
        bet(2, BetKind::DontPass, 10),
        (1, CrapsAction::Transfer { to: 2, chips: 20 }),
        bet(0, BetKind::Field, 15),
        bet(2, BetKind::Come, 5),
        roll(2),
        roll(0),
        bet(2, BetKind::Field, 1),
        bet(0, BetKind::PassOdds, 16),
        bet(0, BetKind::PassOdds, 30),
        bet(2, BetKind::Come, 5),
        bet(2, BetKind::Place(Number::Six), 6),
        switch(2, BetKind::Place(Number::Six), Working::Off),
        bet(2, BetKind::Hard(Pair::Fours), 2),
        take_down(0, BetKind::Pass, 1),
        take_down(2, BetKind::DontPass, 4),
        (1, CrapsAction::Skip { turn: 2 }),
        (2, CrapsAction::Skip { turn: 2 }),
        roll(2),
        (1, CrapsAction::Stand),
        (0, CrapsAction::Stand),
        bet(2, BetKind::Horn, 4),
        roll(2),
        bet(2, BetKind::World, 5),
        roll(2),
        bet(
            2,
            BetKind::Hop(
                Hop::of(Dice {
                    first: 3,
                    second: 4,
                })
                .expect("two faces"),
            ),
            1,
        ),
        roll(2),
        roll(2),
    ]
}
