//! The commands `minitwit user` and `minitwit message`, which operators run beside a server.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::{
    App,
    process::{ServerProcess, minitwit},
};

/// Runs a command on this server's database, with `input` on its standard input.
fn run_with_input(app: &App, arguments: &[&str], input: &str) -> Output {
    let mut command = minitwit(arguments);
    command.env("DATABASE_URL", app.database.url());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    // A command that does not read its input may have ended already.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

/// Runs a command that must succeed. Returns its output.
#[track_caller]
fn run(app: &App, arguments: &[&str]) -> String {
    let output = run_with_input(app, arguments, "");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn a_disabled_user_is_signed_out_and_can_sign_in_when_enabled() {
    let app = App::start().await;
    let ann = app.api_user("Ann B").await;
    let browser = app.anonymous();
    browser.sign_in("Ann B").await.says("You were logged in");
    ann.post("/messages", json!({"text": "hello"})).await;

    assert!(run(&app, &["user", "disable", "Ann B"]).contains("disabled Ann B"));
    ann.get("/timeline").await.problem(401);
    ann.post("/messages", json!({"text": "once more"})).await.problem(401);
    assert_eq!(browser.get("/").await.header("location"), "/public");
    browser.sign_in("Ann B").await.says("disabled");
    app.api().make_token("Ann B", "secret").await.problem(403);
    assert!(run(&app, &["user", "show", "Ann B"]).contains("disabled   20"));
    app.anonymous().get("/public").await.says("hello");
    // Disabling a disabled user succeeds.
    run(&app, &["user", "disable", "Ann B"]);

    assert!(run(&app, &["user", "enable", "Ann B"]).contains("enabled Ann B"));
    ann.get("/timeline").await.problem(401);
    let signed_in = app.api().signed_in("Ann B").await;
    assert_eq!(signed_in.get("/timeline").await.status, 200);
    assert!(run(&app, &["user", "show", "Ann B"]).contains("disabled   no"));
}

#[tokio::test]
async fn a_password_is_reset_to_a_generated_one_or_to_one_from_standard_input() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let generated = run(&app, &["user", "reset-password", "ann"]);
    let generated = generated.trim_end();
    assert_eq!(generated.len(), 20, "{generated}");
    ann.get("/timeline").await.problem(401);
    app.api().make_token("ann", "secret").await.problem(401);
    assert_eq!(app.api().make_token("ann", generated).await.status, 201);
    assert_ne!(run(&app, &["user", "reset-password", "ann"]).trim_end(), generated);

    let chosen = run_with_input(&app, &["user", "reset-password", "ann", "--stdin"], "a b ü\nrest");
    assert!(chosen.status.success(), "{chosen:?}");
    assert_eq!(chosen.stdout, b"", "a password from the standard input is not printed");
    assert_eq!(app.api().make_token("ann", "a b ü").await.status, 201);
    let empty = run_with_input(&app, &["user", "reset-password", "ann", "--stdin"], "\n");
    assert_eq!(empty.status.code(), Some(1), "{empty:?}");
    assert_eq!(app.api().make_token("ann", "a b ü").await.status, 201);
}

#[tokio::test]
async fn users_are_listed_by_name_in_pages() {
    let app = App::start().await;
    for name in ["bob", "Bobby", "alice", "BOB Z"] {
        app.api().sign_up(name).await;
    }
    run(&app, &["user", "disable", "bob"]);
    let names = |list: &str| {
        let lines = list.lines().map(|line| line.split('\t').next().expect("a name").to_owned());
        lines.collect::<Vec<String>>()
    };
    let all = run(&app, &["user", "list"]);
    assert_eq!(names(&all), ["alice", "bob", "BOB Z", "Bobby"]);
    let bob = all.lines().nth(1).expect("a line");
    assert!(bob.contains("\tbob@example.org\tjoined 20") && bob.ends_with("\tdisabled"), "{bob}");
    assert!(all.lines().next().expect("a line").ends_with("\tenabled"), "{all}");
    assert_eq!(names(&run(&app, &["user", "list", "BOB"])), ["bob", "BOB Z", "Bobby"]);
    let page = run_with_input(&app, &["user", "list", "bob", "--limit", "2"], "");
    assert_eq!(names(std::str::from_utf8(&page.stdout).expect("text")), ["bob", "BOB Z"]);
    assert!(String::from_utf8_lossy(&page.stderr).contains("--after 'BOB Z'"), "{page:?}");
    let rest = run(&app, &["user", "list", "bob", "--after", "BOB Z"]);
    assert_eq!(names(&rest), ["Bobby"]);
}

#[tokio::test]
async fn a_flagged_message_is_shown_only_to_operators_until_unflagged() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let message = ann.post("/messages", json!({"text": "a\u{1b}[2Jb"})).await.json();
    let (id, path) = (message["id"].to_string(), format!("/messages/{}", message["id"]));
    assert!(run(&app, &["message", "flag", &id]).contains("flagged"));
    app.api().get(&path).await.problem(404);
    let shown = run(&app, &["message", "show", &id]);
    assert!(shown.contains("author     ann\n") && shown.contains("flagged    yes\n"), "{shown}");
    assert!(shown.contains("text       a\\u{1b}[2Jb\n"), "{shown}");
    assert!(run(&app, &["user", "show", "ann"]).contains("messages   0\n"));
    run(&app, &["message", "unflag", &id]);
    assert_eq!(app.api().get(&path).await.json(), message);
    assert!(run(&app, &["message", "show", &id]).contains("flagged    no\n"));
    assert!(run(&app, &["user", "show", "ann"]).contains("messages   1\n"));
}

#[tokio::test]
async fn an_unknown_user_or_message_is_named_in_the_error() {
    let app = App::start().await;
    for arguments in [
        &["user", "show", "unknown"][..],
        &["user", "disable", "unknown"],
        &["user", "enable", "unknown"],
        &["user", "reset-password", "unknown"],
    ] {
        let output = run_with_input(&app, arguments, "");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
        let text = String::from_utf8(output.stderr).expect("text");
        assert!(text.contains("There is no user named unknown"), "{text}");
    }
    for command in ["show", "flag", "unflag"] {
        let output = run_with_input(&app, &["message", command, "7"], "");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let text = String::from_utf8(output.stderr).expect("text");
        assert!(text.contains("There is no such message"), "{text}");
    }
}

#[test]
fn commands_use_the_embedded_database_with_and_without_a_server() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("data");
    let path = path.to_str().expect("text");
    let run = |arguments: &[&str]| {
        minitwit(arguments).env("MINITWIT_DATA_DIR", path).output().expect("it runs")
    };
    let mut server = ServerProcess::start(&["--data-dir", path]);
    let running = run(&["user", "list"]);
    assert!(running.status.success(), "{running:?}");
    server.end(Signal::SIGTERM);
    let stopped = run(&["user", "list"]);
    assert!(stopped.status.success(), "{stopped:?}");
}
