//! Against a MiniTwit that is wrong in many ways: each fault is reported, by its number and its kind,
//! and nothing else is.

use std::fs;

use serde_json::{Value, json};

use super::{
    Files,
    stand_in::{StandIn, WRONG_LATEST, victims},
    text,
};

/// Long enough for whatever is answered at all, short enough to wait for three times.
const TIMEOUT: &str = "8000";

/// Lines that lead into each trap, after a generated scenario of `commands`. Returns the numbers of
/// the commands that say `named`.
fn traps(commands: usize) -> (String, impl Fn(&str) -> i64) {
    use victims::{BROKEN, DATELESS, DOUBLED, FORGOTTEN, HIDDEN, LATE, LOSER, REFUSED, SHUFFLED};
    let all = [DOUBLED, LOSER, LATE, SHUFFLED, REFUSED, BROKEN, HIDDEN, DATELESS, FORGOTTEN];
    let registrations = all.map(|name| format!("register\t{name}\ta@b\tp"));
    let acts = [
        (DOUBLED, "tweet", "once"),
        (LOSER, "follow", DOUBLED),
        (LOSER, "unfollow", DOUBLED),
        (LATE, "tweet", "kept, never answered"),
        (LATE, "tweet", "lost, never answered"),
        (SHUFFLED, "tweet", "first"),
        (SHUFFLED, "tweet", "second"),
        (REFUSED, "tweet", "refused"),
        (BROKEN, "tweet", "broken off"),
        (DATELESS, "tweet", "at no time"),
    ];
    let acts = acts.map(|(user, act, what)| format!("{act}\t{user}\t{what}"));
    let lines: Vec<String> = (commands..)
        .zip(registrations.into_iter().chain(acts))
        .map(|(number, line)| format!("{number}\t0\t0\t{line}\n"))
        .collect();
    let numbered = lines.clone();
    let number = move |named: &str| {
        let line = numbered.iter().find(|line| line.contains(named)).expect("a line");
        line.split('\t').next().and_then(|number| number.parse().ok()).expect("a number")
    };
    (lines.concat(), number)
}

/// The differences of one kind, as pairs of a user and the number of a command.
fn found(differences: &Value, kind: &str) -> Vec<(Option<String>, Option<i64>)> {
    let all = differences.as_array().expect("a list").iter();
    let of_kind = all.filter(|it| it["kind"] == kind);
    of_kind.map(|it| (it["user"].as_str().map(str::to_owned), it["number"].as_i64())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_of_a_server_is_reported_by_number_and_kind_and_nothing_else() {
    let (server, files) = (StandIn::start().await, Files::new());
    let scenario = files.path("scenario.tsv");
    // Played against nobody, to be saved.
    let plan = ["--commands", "2500", "--users", "40", "--write-scenario", text(&scenario)];
    let nowhere = "http://127.0.0.1:1";
    files.simulate(nowhere, &plan).await.assert_errors("all", &json!({"ConnectionError": 2_500}));
    let (lines, number) = traps(2_500);
    fs::write(&scenario, files.text("scenario.tsv") + &lines).expect("written");

    let arguments = ["--scenario", text(&scenario), "--concurrency", "8", "--timeout", TIMEOUT];
    let run = files.simulate(&server.base, &[&arguments[..], &["--verify"]].concat()).await;
    assert_eq!(run.code, Some(1), "{}{}", run.table, run.errors);
    run.assert_table_agrees();
    let wronged = server.wronged();
    let (dropped, answered_200) = (wronged.dropped.len(), wronged.answered_200.len());
    assert!(dropped >= 10 && answered_200 >= 10, "{wronged:?}");

    run.assert_errors("register", &json!({}));
    run.assert_errors("tweet", &json!({"ConnectionError": 1, "ReadTimeout": 2, "status 400": 1}));
    run.assert_errors("follow", &json!({ "status 200": answered_200 }));
    run.assert_errors("unfollow", &json!({}));
    let errors = run.json["first_errors"].as_array().expect("a list").iter();
    let wrong = errors.filter(|it| it["error"] == "status 200").map(|it| it["number"].as_i64());
    let mut wrong: Vec<i64> = wrong.map(|number| number.expect("a number")).collect();
    let mut expected = wronged.answered_200.clone();
    wrong.sort_unstable();
    expected.sort_unstable();
    assert_eq!(wrong, expected);

    let verification = &run.json["verification"];
    let by_kind = json!({
        "user missing": 1,
        "message missing": dropped,
        "message duplicated": 1,
        "messages out of order": 1,
        "follow unexpected": 1,
        "latest wrong": 1,
        "answer malformed": 1,
    });
    assert_eq!(verification["differences_by_kind"], by_kind, "{}", run.table);
    let differences = &verification["differences"];
    let missing = found(differences, "message missing").into_iter();
    let mut missing: Vec<i64> = missing.map(|(_, number)| number.expect("a number")).collect();
    missing.sort_unstable();
    let mut expected = wronged.dropped.clone();
    expected.sort_unstable();
    assert_eq!(missing, expected);
    for (kind, user, number) in [
        ("user missing", victims::FORGOTTEN, None),
        ("message duplicated", victims::DOUBLED, Some(number("once"))),
        ("messages out of order", victims::SHUFFLED, Some(number("first"))),
        ("follow unexpected", victims::LOSER, Some(number("unfollow"))),
        ("answer malformed", victims::DATELESS, None),
    ] {
        assert_eq!(found(differences, kind), [(Some(user.to_owned()), number)], "{kind}");
    }
    assert_eq!(verification["latest"], WRONG_LATEST);
    // Those that were late or broken off, and those of which 200 says nothing.
    assert_eq!(verification["uncertain_commands"], 3 + answered_200);
    let unverifiable = verification["unverifiable"].as_array().expect("a list");
    assert!(matches!(&unverifiable[..], [one] if one == "Hidden: answered 500 after the run"));
}
