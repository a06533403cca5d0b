//! What operators do by `minitwit user` and `minitwit message`, while a server runs.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::{
    App,
    process::{Serving, minitwit},
};

/// The command on this server's database, run to its end, with this on its standard input.
fn run_with(app: &App, arguments: &[&str], input: &str) -> Output {
    let mut command = minitwit(arguments);
    command.env("DATABASE_URL", app.database.url());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    // A command that reads nothing may be gone already.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

/// What the command prints.
#[track_caller]
fn printed(app: &App, arguments: &[&str]) -> String {
    let output = run_with(app, arguments, "");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_in_again_when_enabled() {
    let app = App::start().await;
    let ann = app.api_user("Ann B").await;
    let browser = app.anonymous();
    browser.sign_in("Ann B").await.says("You were logged in");
    ann.post("/messages", json!({"text": "hello"})).await;

    assert!(printed(&app, &["user", "disable", "Ann B"]).contains("disabled Ann B"));
    ann.get("/timeline").await.problem(401);
    ann.post("/messages", json!({"text": "once more"})).await.problem(401);
    assert_eq!(browser.get("/").await.header("location"), "/public");
    browser.sign_in("Ann B").await.says("disabled");
    app.api().make_token("Ann B", "secret").await.problem(403);
    assert!(printed(&app, &["user", "show", "Ann B"]).contains("disabled   20"));
    app.anonymous().get("/public").await.says("hello");
    // Again changes nothing.
    printed(&app, &["user", "disable", "Ann B"]);

    assert!(printed(&app, &["user", "enable", "Ann B"]).contains("enabled Ann B"));
    ann.get("/timeline").await.problem(401);
    let again = app.api().signed_in("Ann B").await;
    assert_eq!(again.get("/timeline").await.status, 200);
    assert!(printed(&app, &["user", "show", "Ann B"]).contains("disabled   no"));
}

#[tokio::test]
async fn a_new_password_is_printed_or_read_and_the_old_one_is_worth_nothing() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let made_up = printed(&app, &["user", "reset-password", "ann"]);
    let made_up = made_up.trim_end();
    assert_eq!(made_up.len(), 20, "{made_up}");
    ann.get("/timeline").await.problem(401);
    app.api().make_token("ann", "secret").await.problem(401);
    assert_eq!(app.api().make_token("ann", made_up).await.status, 201);
    assert_ne!(printed(&app, &["user", "reset-password", "ann"]).trim_end(), made_up);

    let chosen = run_with(&app, &["user", "reset-password", "ann", "--stdin"], "a b ü\nrest");
    assert!(chosen.status.success(), "{chosen:?}");
    assert_eq!(chosen.stdout, b"", "a password that is known is not printed");
    assert_eq!(app.api().make_token("ann", "a b ü").await.status, 201);
    let empty = run_with(&app, &["user", "reset-password", "ann", "--stdin"], "\n");
    assert_eq!(empty.status.code(), Some(1), "{empty:?}");
    assert_eq!(app.api().make_token("ann", "a b ü").await.status, 201);
}

#[tokio::test]
async fn users_are_listed_by_name_a_page_at_a_time() {
    let app = App::start().await;
    for name in ["bob", "Bobby", "alice", "BOB Z"] {
        app.api().sign_up(name).await;
    }
    printed(&app, &["user", "disable", "bob"]);
    let names = |list: &str| {
        let lines = list.lines().map(|line| line.split('\t').next().expect("a name").to_owned());
        lines.collect::<Vec<String>>()
    };
    let all = printed(&app, &["user", "list"]);
    assert_eq!(names(&all), ["alice", "bob", "BOB Z", "Bobby"]);
    let bob = all.lines().nth(1).expect("a line");
    assert!(bob.contains("\tbob@example.org\tjoined 20") && bob.ends_with("\tdisabled"), "{bob}");
    assert!(all.lines().next().expect("a line").ends_with("\tenabled"), "{all}");
    assert_eq!(names(&printed(&app, &["user", "list", "BOB"])), ["bob", "BOB Z", "Bobby"]);
    let page = run_with(&app, &["user", "list", "bob", "--limit", "2"], "");
    assert_eq!(names(std::str::from_utf8(&page.stdout).expect("text")), ["bob", "BOB Z"]);
    assert!(String::from_utf8_lossy(&page.stderr).contains("--after 'BOB Z'"), "{page:?}");
    let rest = printed(&app, &["user", "list", "bob", "--after", "BOB Z"]);
    assert_eq!(names(&rest), ["Bobby"]);
}

#[tokio::test]
async fn a_flagged_message_is_shown_to_operators_alone_until_it_is_unflagged() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let message = ann.post("/messages", json!({"text": "a\u{1b}[2Jb"})).await.json();
    let (id, path) = (message["id"].to_string(), format!("/messages/{}", message["id"]));
    assert!(printed(&app, &["message", "flag", &id]).contains("flagged"));
    app.api().get(&path).await.problem(404);
    let shown = printed(&app, &["message", "show", &id]);
    assert!(shown.contains("author     ann\n") && shown.contains("flagged    yes\n"), "{shown}");
    assert!(shown.contains("text       a\\u{1b}[2Jb\n"), "{shown}");
    assert!(printed(&app, &["user", "show", "ann"]).contains("messages   0\n"));
    printed(&app, &["message", "unflag", &id]);
    assert_eq!(app.api().get(&path).await.json(), message);
    assert!(printed(&app, &["message", "show", &id]).contains("flagged    no\n"));
    assert!(printed(&app, &["user", "show", "ann"]).contains("messages   1\n"));
}

#[tokio::test]
async fn what_does_not_exist_is_refused_and_named() {
    let app = App::start().await;
    for arguments in [
        &["user", "show", "nobody"][..],
        &["user", "disable", "nobody"],
        &["user", "enable", "nobody"],
        &["user", "reset-password", "nobody"],
    ] {
        let output = run_with(&app, arguments, "");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
        let text = String::from_utf8(output.stderr).expect("text");
        assert!(text.contains("There is no user named nobody"), "{text}");
    }
    for command in ["show", "flag", "unflag"] {
        let output = run_with(&app, &["message", command, "7"], "");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let text = String::from_utf8(output.stderr).expect("text");
        assert!(text.contains("There is no such message"), "{text}");
    }
}

#[test]
fn operators_reach_the_programs_own_database_while_its_server_runs() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("data");
    let path = path.to_str().expect("text");
    let run = |arguments: &[&str]| {
        minitwit(arguments).env("MINITWIT_DATA_DIR", path).output().expect("it runs")
    };
    let mut server = Serving::start(&["--data-dir", path]);
    let running = run(&["user", "list"]);
    assert!(running.status.success(), "{running:?}");
    server.end(Signal::SIGTERM);
    let stopped = run(&["user", "list"]);
    assert!(stopped.status.success(), "{stopped:?}");
}
