use althing::{Duration, Instant};
use althing_world::*;
fn main() {
    let n: usize = std::env::args().nth(1).map_or(2, |s| s.parse().unwrap());
    let secs: u64 = std::env::args().nth(2).map_or(20, |s| s.parse().unwrap());
    let seed: u64 = std::env::args().nth(3).map_or(1, |s| s.parse().unwrap());
    let game = if std::env::args().nth(4).as_deref() == Some("craps") {
        Game::Craps
    } else {
        Game::Counter
    };
    let mut w = World::new(WorldConfig {
        seed,
        ..WorldConfig::default()
    });
    for i in 0..n {
        w.add_phone(&format!("p{i}"), 1000 * i as i64, 0);
    }
    println!("{:?}", scenario::gather(&mut w, n, game));
    println!("t={:?}", w.now());
    for i in 0..n {
        w.add_player(i, game, Habits::default());
    }
    let until = w.now() + Duration::from_secs(secs);
    w.run_until(until);
    for i in 0..n {
        let p = w.phone(i);
        if let Some(g) = p.group() {
            if let Some(node) = p.node() {
                if let Some(v) = node.view(g) {
                    println!(
                        "{i}: h={} status={:?} pending={} waiting={:?} faults={:?} sent={:?}",
                        v.head.height,
                        v.status,
                        v.pending.len(),
                        v.waiting_for,
                        node.faults(),
                        node.sent_bytes()
                    );
                }
            }
        }
    }
    println!("violations {:?}", w.violations());
    let _ = Instant::ZERO;
}
