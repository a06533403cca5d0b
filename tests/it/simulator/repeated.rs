//! A second run against the same system: with a new seed, and with the same one.

use serde_json::json;

use super::{Files, LONG_TIMEOUT};
use crate::support::App;

const PLAN: [&str; 6] = ["--commands", "300", "--users", "10", "--timeout", LONG_TIMEOUT];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_with_another_seed_passes_and_prints_its_seed() {
    let (app, files) = (App::start().await, Files::new());
    let mut seeds = Vec::new();
    for _ in 0..2 {
        let run = files.simulate(&app.url("/sim"), &[&PLAN[..], &["--verify"]].concat()).await;
        run.assert_passed();
        assert_eq!((run.count("register"), &run.json["existing_users"]), (10, &json!(0)));
        let seed = run.json["settings"]["seed"].as_u64().expect("a seed");
        assert!(run.table.contains(&format!("seed {seed}\n")), "{}", run.table);
        assert!(run.errors.contains(&format!("--seed {seed}")), "{}", run.errors);
        seeds.push(seed);
    }
    assert_ne!(seeds[0], seeds[1]);
    assert_eq!(app.count("SELECT count(*) FROM users").await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn existing_users_of_a_repeated_seed_are_no_errors() {
    let (app, files) = (App::start().await, Files::new());
    let seed = ["--seed", "7"];
    let more: [&[&str]; 4] =
        [&["--verify"], &["--verify", "--concurrency", "4"], &[], &["--rate", "300", "--verify"]];
    for (run, more) in more.into_iter().enumerate() {
        let simulated = files.simulate(&app.url("/sim"), &[&PLAN[..], &seed, more].concat()).await;
        simulated.assert_errors("all", &json!({}));
        assert_eq!(simulated.code, Some(0), "{run}: {}{}", simulated.table, simulated.errors);
        // The fourth run draws its commands in another order, and has the same users.
        let existing = if run == 0 { 0 } else { 10 };
        assert_eq!(simulated.json["existing_users"], existing, "{run}");
        let note = "10 users existed before the run";
        assert_eq!(simulated.table.contains(note), run > 0, "{}", simulated.table);
        assert!(!simulated.errors.contains("drew the seed"), "{}", simulated.errors);
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_registration_of_a_new_user_is_an_error_and_no_sign_of_overload() {
    let (app, files) = (App::start().await, Files::new());
    let scenario = files.path("rejected.tsv");
    let commands = [
        "register\tann\tno address\tp",
        "register\tbob\tb@b\tp",
        "register\tbob\tb@b\tp",
        "tweet\tann\tnot found",
    ];
    let lines = (0..).zip(commands).map(|(number, it)| format!("{number}\t0\t0\t{it}\n"));
    std::fs::write(&scenario, lines.collect::<String>()).expect("written");
    let pace = ["--rate", "50", "--register-first", "--verify", "--timeout", LONG_TIMEOUT];
    let scenario = ["--scenario", super::text(&scenario)];
    let run = files.simulate(&app.url("/sim"), &[&scenario[..], &pace].concat()).await;
    assert_eq!(run.code, Some(1), "{}{}", run.table, run.errors);
    let phase = &run.json["registration_phase"];
    assert_eq!((&phase["count"], &phase["errors"]), (&json!(2), &json!({"status 400": 1})));
    run.assert_errors("register", &json!({"status 400": 1}));
    run.assert_errors("tweet", &json!({"status 404": 1}));
    assert_eq!((&run.json["existing_users"], &run.json["errors"]), (&json!(0), &json!(3)));
    assert_eq!(run.json["errors_begin_at_rate"], json!(null));
    run.assert_no_difference();
}
