//! `minitwit simulate --check` against the server.

use std::{fs, path::Path, process::Command};

use serde_json::json;

use super::{Files, text};
use crate::support::{
    App,
    cluster::TestDatabase,
    process::{PROGRAM, minitwit},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_passes_every_check_below_the_prefix_and_at_the_root_of_its_own_port() {
    let app = App::start().await;
    app.simulator().get("/msgs?latest=4711").await;
    let bases = [app.url("/sim"), format!("http://{}/", app.simulator_address)];
    for base in bases {
        let files = Files::new();
        let checked = files.check(&base, &[]).await;
        let (json, table) = (&checked.json, &checked.table);
        assert_eq!(checked.code, Some(0), "{table}{}", checked.errors);
        assert_eq!((&json["failed"], &json["skipped"]), (&json!(0), &json!(2)), "{table}");
        assert!(table.contains("no --restart-command"), "{table}");
        assert!(json["passed"].as_u64().is_some_and(|passed| passed > 80), "{table}");
        assert_eq!(app.simulator().latest().await, 4_711, "latest is restored");
    }
}

/// The process whose id a file contains; killed when dropped.
struct Process<'a>(&'a Path);

impl Drop for Process<'_> {
    fn drop(&mut self) {
        let script = "kill -9 \"$(cat \"$0\")\"";
        let _ = Command::new("sh").args(["-c", script, text(self.0)]).status();
    }
}

/// A shell script that stops the server, if it runs, and starts it again on the same port.
fn restart_script(files: &Files, database: &TestDatabase) -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = port.local_addr().expect("bound");
    let (pid, log) = (files.path("pid"), files.path("log"));
    let (pid, log, url) = (text(&pid), text(&log), database.url());
    format!(
        "if [ -e {pid} ]; then
           kill \"$(cat {pid})\"
           while kill -0 \"$(cat {pid})\" 2> {log}; do sleep 0.05; done
         fi
         {PROGRAM} serve --listen {address} --database-url '{url}' > {log} 2>&1 &
         echo $! > {pid}
         # http://{address}/sim
        "
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_by_the_given_command_loses_nothing() {
    let (database, files) = (TestDatabase::fresh().await, Files::new());
    let script = files.path("restart.sh");
    let text_of_script = restart_script(&files, &database);
    fs::write(&script, &text_of_script).expect("written");
    let base = text_of_script.lines().find_map(|it| it.trim().strip_prefix("# "));
    let base = base.expect("the address").to_owned();
    let restart = format!("sh {}", text(&script));
    let started = Command::new("sh").args(["-c", &restart]).status().expect("it runs");
    assert!(started.success());
    let pid = files.path("pid");
    let _server = Process(&pid);
    crate::support::eventually("the server responds", async || {
        reqwest::get(format!("{base}/latest")).await.ok().map(|_| ())
    })
    .await;
    let checked = files.check(&base, &["--restart-command", &restart]).await;
    assert_eq!(checked.code, Some(0), "{}{}", checked.table, checked.errors);
    assert_eq!(checked.json["skipped"], 0, "{}", checked.table);
}

#[test]
fn a_check_takes_no_settings_of_a_run_and_needs_a_server() {
    for flag in ["--verify", "--rate=5", "--seed=1", "--timeout=5", "--report=/dev/null"] {
        let output = minitwit(&["simulate", "http://127.0.0.1:1", "--check", flag]).output();
        let output = output.expect("it runs");
        let errors = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains("--check"), "{errors}");
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let output = minitwit(&["simulate", "--check", &base]).output().expect("it runs");
    let errors = String::from_utf8(output.stderr).expect("text");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{errors}");
    assert!(errors.contains("there is no response"), "{errors}");
}
