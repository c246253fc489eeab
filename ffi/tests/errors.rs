//! What a shell gets when a call cannot be carried out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use althing::Instant;
use althing_driver::Clock;
use althing_ffi::{Althing, AlthingError, RadioEvent, Validity};

/// A clock that stands for any bug inside a call.
#[derive(Debug, Default)]
struct Bug(AtomicBool);

impl Clock for Bug {
    fn now(&self) -> Instant {
        assert!(!self.0.load(Ordering::SeqCst), "the bug");
        Instant::ZERO
    }
}

fn phone() -> Arc<Althing> {
    Althing::new(vec![1; 32], vec![2; 32], 0).expect("both keys have 32 bytes")
}

#[test]
fn keys_of_another_length_are_named() {
    for (secret, seed, what, have) in [(31, 32, "secret", 31), (32, 33, "seed", 33)] {
        let error = Althing::new(vec![1; secret], vec![2; seed], 0).expect_err("a bad length");
        assert_eq!(
            error,
            AlthingError::BadLength {
                what: what.to_owned(),
                have,
                need: 32
            }
        );
    }
}

#[test]
fn the_secret_is_the_peer() {
    let other = Althing::new(vec![1; 32], vec![3; 32], 0).expect("both keys have 32 bytes");
    assert_eq!(phone().peer(), other.peer());
    let stranger = Althing::new(vec![4; 32], vec![2; 32], 0).expect("both keys have 32 bytes");
    assert_ne!(phone().peer(), stranger.peer());
    assert_eq!(phone().peer().map(|peer| peer.len()), Ok(64));
}

#[test]
fn a_group_is_named_by_its_hex() {
    let phone = phone();
    let bad = AlthingError::BadId {
        id: "table".to_owned(),
    };
    assert_eq!(phone.view("table".to_owned()), Err(bad.clone()));
    assert_eq!(phone.committed("table".to_owned()), Err(bad.clone()));
    assert_eq!(phone.start_table("table".to_owned()), Err(bad.clone()));
    let submitted = phone.submit("table".to_owned(), vec![], vec![], Validity::default());
    assert_eq!(submitted, Err(bad));
    assert_eq!(phone.view("00".repeat(16)), Ok(None));
    assert_eq!(phone.groups(), Ok(Vec::new()));
}

#[test]
fn an_unknown_group_is_an_error_that_names_it() {
    let group = "0f".repeat(16);
    let submitted = phone().submit(group.clone(), vec![], vec![], Validity::default());
    assert_eq!(submitted, Err(AlthingError::UnknownGroup { group }));
}

#[test]
fn a_bug_breaks_the_object_for_good() {
    let bug = Arc::new(Bug::default());
    let phone = Althing::with_clock(vec![1; 32], vec![2; 32], 0, bug.clone())
        .expect("both keys have 32 bytes");
    assert!(phone.handle_radio(RadioEvent::ScanFailed).is_ok());
    bug.0.store(true, Ordering::SeqCst);
    assert_eq!(
        phone.handle_radio(RadioEvent::ScanFailed),
        Err(AlthingError::Broken)
    );
    bug.0.store(false, Ordering::SeqCst);
    assert_eq!(phone.handle_timeout(), Err(AlthingError::Broken));
    assert_eq!(phone.groups(), Err(AlthingError::Broken));
    assert_eq!(phone.peer(), Err(AlthingError::Broken));
}
