//! Checks the models, and that each planted fault violates a property. `make models` also runs the
//! larger ones.

use models::{Outcome, batches, batches::Batches, check, latest, latest::Latest, live, live::Live};

fn assert_holds(what: &str, outcome: &Outcome) {
    println!("{what}: {} states", outcome.states);
    assert!(outcome.holds(), "{what}: {outcome:#?}");
}

fn assert_caught(fault: &impl std::fmt::Debug, outcome: &Outcome) {
    println!("{fault:?}: {} states, {:?}", outcome.states, outcome.violated());
    assert!(!outcome.violated.is_empty(), "no property notices {fault:?}");
}

fn batches(requests: u8, fault: Option<batches::Fault>) -> Batches {
    Batches { requests, max_workers: 2, max_batch: 2, max_failures: 1, fault }
}

#[test]
fn batches_keep_their_promises() {
    assert_holds("batches", &check(batches(3, None)));
}

#[test]
fn each_fault_of_batches_is_noticed() {
    for fault in batches::Fault::ALL {
        assert_caught(&fault, &check(batches(3, Some(fault))));
    }
}

fn latest(requests: usize, fault: Option<latest::Fault>) -> Latest {
    Latest { processes: 2, requests, max_failures: 1, max_crashes: 0, fault }
}

fn latest_with_crashes(requests: usize) -> Latest {
    Latest { processes: 1, max_crashes: 1, ..latest(requests, None) }
}

#[test]
fn latest_keeps_its_promises() {
    assert_holds("latest", &check(latest(3, None)));
    assert_holds("latest with crashes", &check(latest_with_crashes(3)));
}

#[test]
fn each_fault_of_latest_is_noticed() {
    for fault in latest::Fault::ALL {
        assert_caught(&fault, &check(latest(3, Some(fault))));
    }
}

/// One server, and a clock that steps back.
fn live(fault: Option<live::Fault>) -> Live {
    Live {
        writers: 2,
        servers: 1,
        max_polls: 3,
        max_clock: 3,
        step_back: 2,
        max_wait: 9,
        prepares: false,
        max_deletions: 0,
        max_crashes: 0,
        fault,
    }
}

fn replicas(fault: Option<live::Fault>) -> Live {
    Live { servers: 2, max_polls: 2, max_clock: 1, step_back: 0, ..live(fault) }
}

fn crashes() -> Live {
    Live { max_polls: 3, max_clock: 1, step_back: 0, prepares: true, max_crashes: 1, ..live(None) }
}

fn deletions(fault: Option<live::Fault>) -> Live {
    Live { max_clock: 2, step_back: 1, max_deletions: 1, ..live(fault) }
}

fn long_transactions(fault: Option<live::Fault>) -> Live {
    Live { max_polls: 5, max_clock: 1, step_back: 0, max_wait: 2, ..live(fault) }
}

#[test]
fn streams_keep_their_promises() {
    for (what, model) in [
        ("clock", live(None)),
        ("replicas", replicas(None)),
        ("crashes", crashes()),
        ("deletions", deletions(None)),
        ("long transactions", long_transactions(None)),
    ] {
        assert_holds(what, &check(model));
    }
}

#[test]
fn each_fault_of_streams_is_noticed() {
    for fault in live::Fault::ALL {
        let model = match fault {
            live::Fault::CatchesUpAtOnce | live::Fault::SkipsMissed => replicas(Some(fault)),
            live::Fault::ForgetsDeleted => deletions(Some(fault)),
            live::Fault::WaitsForever => long_transactions(Some(fault)),
            _ => live(Some(fault)),
        };
        assert_caught(&fault, &check(model));
    }
}

#[test]
#[ignore = "takes a minute and 4 GB: `make models`"]
fn larger_models_keep_their_promises() {
    assert_holds("batches", &check(Batches { max_failures: 2, ..batches(4, None) }));
    assert_holds("latest", &check(latest(4, None)));
    assert_holds("latest with crashes", &check(latest_with_crashes(4)));
    assert_holds("clock", &check(Live { max_polls: 4, max_clock: 4, ..live(None) }));
    assert_holds("deletions", &check(Live { max_polls: 4, ..deletions(None) }));
    assert_holds("replicas", &check(Live { max_crashes: 1, ..replicas(None) }));
}
