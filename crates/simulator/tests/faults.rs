//! A run against a server with known faults reports exactly these faults.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod faulty_server;

use std::time::Duration;

use faulty_server::{FaultyServer, WRONG_LATEST, faulty_users};
use serde_json::{Value, json};
use simulator::{Access, Pace, Plan, Registrations, Run, Scenario, Settings};
use tokio_util::sync::CancellationToken;

/// Longer than any response takes; three commands wait this long.
const TIMEOUT: Duration = Duration::from_secs(8);

async fn run(base_url: &str, scenario: Scenario) -> Run {
    let settings = Settings {
        access: Access {
            base_url: base_url.to_owned(),
            username: "simulator".to_owned(),
            password: "super_safe!".to_owned(),
        },
        record: None,
        pace: Pace::Concurrency(8),
        duration: None,
        timeout: TIMEOUT,
        register_first: false,
        users_may_exist: false,
        keep_alive: false,
        verify: true,
        described: vec![("note", json!("<b>&"))],
    };
    simulator::run(settings, scenario, CancellationToken::new()).await.expect("a run")
}

/// Commands that hit each fault, to be appended to a scenario with this many commands. Also returns
/// a function that finds the number of a command by its text.
fn faulty_commands(commands: usize) -> (String, impl Fn(&str) -> i64) {
    use faulty_users::{
        BROKEN, DATELESS, DOUBLED, FORGOTTEN, HIDDEN, KEEPER, LATE, REJECTED, SHUFFLED,
    };
    let all = [DOUBLED, KEEPER, LATE, SHUFFLED, REJECTED, BROKEN, HIDDEN, DATELESS, FORGOTTEN];
    let registrations = all.map(|name| format!("register\t{name}\ta@b\tp"));
    let acts = [
        (DOUBLED, "tweet", "once"),
        (KEEPER, "follow", DOUBLED),
        (KEEPER, "unfollow", DOUBLED),
        (LATE, "tweet", "kept, without response"),
        (LATE, "tweet", "lost, without response"),
        (SHUFFLED, "tweet", "first"),
        (SHUFFLED, "tweet", "second"),
        (REJECTED, "tweet", "rejected"),
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

/// The user and the command number of each difference of one kind.
fn of_kind(differences: &Value, kind: &str) -> Vec<(Option<String>, Option<i64>)> {
    let all = differences.as_array().expect("a list").iter();
    let matching = all.filter(|it| it["kind"] == kind);
    matching.map(|it| (it["user"].as_str().map(str::to_owned), it["number"].as_i64())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_is_reported_by_command_number_and_kind_and_nothing_else() {
    let server = FaultyServer::start().await;
    let plan = Plan { seed: 1, users: 40, commands: 2_500, registrations: Registrations::Anywhere };
    let mut lines = Vec::new();
    simulator::generate(plan).expect("possible").write(&mut lines).expect("memory");
    let (faulty_lines, number) = faulty_commands(plan.commands);
    lines.extend(faulty_lines.bytes());
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), lines).expect("written");
    let scenario = Scenario::read(file.path()).expect("valid");

    let run = run(&server.base, scenario).await;
    assert!(!run.passed());
    let (table, json) = (simulator::table(&run), simulator::json(&run));
    let faulty = server.faulty_commands();
    let (dropped, status_200) = (faulty.dropped.len(), faulty.status_200.len());
    assert!(dropped >= 10 && status_200 >= 10, "{faulty:?}");

    for (kind, errors) in [
        ("register", json!({})),
        ("tweet", json!({"ConnectionError": 1, "ReadTimeout": 2, "status 400": 1})),
        ("follow", json!({ "status 200": status_200 })),
        ("unfollow", json!({})),
    ] {
        let figures = &json["commands"][kind];
        assert_eq!(figures["errors"], errors, "{kind}: {table}");
        let failed: i64 =
            errors.as_object().expect("an object").values().filter_map(Value::as_i64).sum();
        let count = figures["count"].as_u64().expect("a number");
        let row = format!("{kind:<10}{count:>9}{failed:>8}");
        assert!(table.contains(&row), "{row}: {table}");
    }
    let errors = json["first_errors"].as_array().expect("a list").iter();
    let wrong = errors.filter(|it| it["error"] == "status 200").map(|it| it["number"].as_i64());
    let mut wrong: Vec<i64> = wrong.map(|number| number.expect("a number")).collect();
    let mut expected = faulty.status_200.clone();
    wrong.sort_unstable();
    expected.sort_unstable();
    assert_eq!(wrong, expected);

    let verification = &json["verification"];
    let by_kind = json!({
        "user missing": 1,
        "message missing": dropped,
        "message duplicated": 1,
        "messages out of order": 1,
        "follow unexpected": 1,
        "latest wrong": 1,
        "response malformed": 1,
    });
    assert_eq!(verification["differences_by_kind"], by_kind, "{table}");
    let differences = &verification["differences"];
    let missing = of_kind(differences, "message missing").into_iter();
    let mut missing: Vec<i64> = missing.map(|(_, number)| number.expect("a number")).collect();
    missing.sort_unstable();
    let mut expected = faulty.dropped.clone();
    expected.sort_unstable();
    assert_eq!(missing, expected);
    for (kind, user, number) in [
        ("user missing", faulty_users::FORGOTTEN, None),
        ("message duplicated", faulty_users::DOUBLED, Some(number("once"))),
        ("messages out of order", faulty_users::SHUFFLED, Some(number("first"))),
        ("follow unexpected", faulty_users::KEEPER, Some(number("unfollow"))),
        ("response malformed", faulty_users::DATELESS, None),
    ] {
        assert_eq!(of_kind(differences, kind), [(Some(user.to_owned()), number)], "{kind}");
    }
    assert_eq!(verification["latest"], WRONG_LATEST);
    // Without a response, broken off, or with the wrong status 200.
    assert_eq!(verification["uncertain_commands"], 3 + status_200);
    let unverifiable = verification["unverifiable"].as_array().expect("a list");
    assert!(matches!(&unverifiable[..], [one] if one == "Hidden: status 500 after the run"));
    let page = simulator::page(&run).expect("a page");
    assert_eq!(page.matches("<svg").count(), 3);
    assert!(page.contains("message duplicated") && page.contains("Hidden: "), "{page}");
    assert!(page.contains("&lt;b&gt;&amp;") && !page.contains("<b>"), "values are escaped");
}
