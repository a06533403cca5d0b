//! Tests of the queues for hashing.

use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

use super::*;

fn passwords(workers: usize, queue: usize) -> Arc<Passwords> {
    Arc::new(Passwords::new(&PasswordSettings { cost: 4, workers, simulator_workers: 0, queue }))
}

fn waiting(passwords: &Passwords, line: Line) -> usize {
    passwords.workers.state().lines[line as usize].len()
}

/// Requests a slot in the background. Returns when it waits.
async fn wait_in(
    passwords: &Arc<Passwords>,
    line: Line,
    done: &UnboundedSender<Line>,
) -> JoinHandle<()> {
    let before = waiting(passwords, line);
    let task = tokio::spawn({
        let (passwords, done) = (Arc::clone(passwords), done.clone());
        async move {
            let _slot = passwords.slot(line).await.expect("a slot");
            done.send(line).expect("the receiver is open");
        }
    });
    while waiting(passwords, line) == before {
        tokio::task::yield_now().await;
    }
    task
}

async fn order_of(mut done: UnboundedReceiver<Line>, count: usize) -> Vec<Line> {
    let mut order = Vec::new();
    for _ in 0..count {
        order.push(done.recv().await.expect("open"));
    }
    order
}

#[tokio::test]
async fn all_72_bytes_of_a_password_count() {
    let slot = passwords(1, 1).slot(Line::SignUp).await.expect("a slot");
    let password = |last: char| Password::parse(&format!("{}{last}", "x".repeat(71))).expect("72");
    let hash = slot.hash(password('a')).await.expect("a hash");
    assert!(hash.expose().starts_with("$2b$04$"));
    let verdict = async |last| slot.check(password(last).expose(), &hash).await;
    assert!(matches!(verdict('a').await, Ok(Verdict::Right)));
    assert!(matches!(verdict('b').await, Ok(Verdict::Wrong)));
}

#[tokio::test]
async fn no_password_has_the_decoys_hash_and_it_costs_the_same() {
    let slot = passwords(1, 1).slot(Line::SignIn).await.expect("a slot");
    for text in ["", "a", "secret", &"x".repeat(72)] {
        assert!(!bcrypt::verify(text, &decoy(4)).expect("verified"), "{text}");
    }
    let hash = slot.hash(Password::parse("a").expect("valid")).await.expect("a hash");
    assert_eq!(decoy(4)[..7], hash.expose()[..7]);
}

/// The hash of `password` as werkzeug makes it.
fn foreign(password: &str) -> PasswordHash {
    let mut key = [0; 32];
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password.as_bytes(), b"salt", 1, &mut key);
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    PasswordHash::parse(&format!("pbkdf2:sha256:1$salt${key}")).expect("valid")
}

#[tokio::test]
async fn a_foreign_hash_is_renewed_if_bcrypt_can_hold_the_password() {
    let slot = passwords(1, 1).slot(Line::SignIn).await.expect("a slot");
    let (composed, decomposed) = ("p\u{e4}ss", "pa\u{308}ss");
    for (stored, entered, renewed) in [
        ("secret", "secret", Some("secret")),
        (composed, composed, Some(composed)),
        (decomposed, decomposed, Some(composed)),
        (composed, decomposed, Some(composed)),
        ("", "", None),
        (" ", " ", None),
        ("a\0b", "a\0b", None),
        (&"x".repeat(73), &"x".repeat(73), None),
        (&"x".repeat(72), &"x".repeat(72), Some(&"x".repeat(72))),
    ] {
        let verdict = slot.check(entered, &foreign(stored)).await.expect("checked");
        assert!(!matches!(verdict, Verdict::Wrong), "{stored:?} {entered:?}");
        let renewal = match verdict {
            Verdict::Renew(password) => Some(password.expose().to_owned()),
            Verdict::Right | Verdict::Wrong => None,
        };
        assert_eq!(renewal.as_deref(), renewed, "{stored:?} {entered:?}");
    }
    for (stored, entered) in [("secret", "Secret"), ("", " "), (&"x".repeat(73), "x")] {
        let verdict = slot.check(entered, &foreign(stored)).await;
        assert!(matches!(verdict, Ok(Verdict::Wrong)), "{stored:?} {entered:?}");
    }
}

#[tokio::test]
async fn a_password_above_the_queue_limit_is_rejected() {
    let passwords = passwords(1, 1);
    let running = passwords.slot(Line::SignUp).await.expect("a slot");
    let (done, order) = unbounded_channel();
    wait_in(&passwords, Line::SignUp, &done).await;
    assert!(matches!(passwords.slot(Line::SignUp).await, Err(Error::HashingQueueFull)));
    // A full line does not fill the others.
    wait_in(&passwords, Line::SignIn, &done).await;
    wait_in(&passwords, Line::Simulator, &done).await;
    drop(running);
    assert_eq!(order_of(order, 3).await.len(), 3);
}

#[tokio::test]
async fn the_simulator_comes_first_and_the_other_lines_take_turns() {
    let passwords = passwords(1, 8);
    let running = passwords.slot(Line::SignUp).await.expect("a slot");
    let (done, order) = unbounded_channel();
    for _ in 0..3 {
        wait_in(&passwords, Line::SignUp, &done).await;
    }
    for line in [Line::SignIn, Line::SignIn, Line::Known, Line::Simulator, Line::Simulator] {
        wait_in(&passwords, line, &done).await;
    }
    drop(running);
    let others =
        [Line::Known, Line::SignIn, Line::SignUp, Line::SignIn, Line::SignUp, Line::SignUp];
    let expected = [&[Line::Simulator, Line::Simulator], &others[..]].concat();
    assert_eq!(order_of(order, 8).await, expected);
}

#[tokio::test]
async fn a_cancelled_request_leaves_the_queue_and_keeps_no_worker() {
    let passwords = passwords(1, 2);
    let running = passwords.slot(Line::SignUp).await.expect("a slot");
    let (done, order) = unbounded_channel();
    for _ in 0..2 {
        let task = wait_in(&passwords, Line::SignUp, &done).await;
        task.abort();
        task.await.expect_err("cancelled");
    }
    // Both places of the queue are free again.
    wait_in(&passwords, Line::SignIn, &done).await;
    let late = tokio::spawn({
        let passwords = Arc::clone(&passwords);
        async move { passwords.slot(Line::SignUp).await.map(drop) }
    });
    while waiting(&passwords, Line::SignUp) != 1 {
        tokio::task::yield_now().await;
    }
    drop(running);
    late.await.expect("no panic").expect("a slot");
    assert_eq!(order_of(order, 1).await, [Line::SignIn]);
    assert_eq!(passwords.workers.state().free, 1);
}

#[tokio::test]
async fn other_lines_never_use_the_simulators_workers() {
    let settings = PasswordSettings { cost: 4, workers: 1, simulator_workers: 1, queue: 8 };
    let passwords = Arc::new(Passwords::new(&settings));
    let sign_up = passwords.slot(Line::SignUp).await.expect("the shared worker");
    let (done, order) = unbounded_channel();
    wait_in(&passwords, Line::SignUp, &done).await;
    // The simulator's own worker is free.
    let first = passwords.slot(Line::Simulator).await.expect("a slot");
    wait_in(&passwords, Line::Simulator, &done).await;
    // Passed on, it serves the simulator; freed, it serves no other line.
    drop(first);
    assert_eq!(waiting(&passwords, Line::SignUp), 1);
    drop(sign_up);
    assert_eq!(order_of(order, 2).await, [Line::Simulator, Line::SignUp]);
}

#[tokio::test]
async fn the_simulator_uses_the_shared_workers_too() {
    let settings = PasswordSettings { cost: 4, workers: 1, simulator_workers: 1, queue: 8 };
    let passwords = Passwords::new(&settings);
    let _own = passwords.slot(Line::Simulator).await.expect("a slot");
    let _shared = passwords.slot(Line::Simulator).await.expect("a slot");
    assert_eq!(passwords.workers.state().free, 0);
}
