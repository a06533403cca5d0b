//! Durability: each command with a successful response survives `kill -9` of the server and of
//! PostgreSQL, and a shutdown.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::support::{
    actors::{Simulator, encode},
    cluster::TestDatabase,
    eventually,
    process::ServerProcess,
};

/// The number of kills: of the server and of its PostgreSQL, alternately.
const KILLS: usize = 20;
/// The number of concurrent simulators.
const SIMULATORS: usize = 4;
/// The number of successful commands between two kills.
const COMMANDS_BETWEEN_KILLS: usize = 24;

/// Names a data directory in a new one that the operating system user of PostgreSQL can enter.
fn data_directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let permissions = fs::Permissions::from_mode(0o755);
    fs::set_permissions(directory.path(), permissions).expect("ours");
    let data = directory.path().join("data");
    (directory, data)
}

fn serve(data: &Path) -> ServerProcess {
    let data = data.to_str().expect("text");
    // While PostgreSQL is down, requests fail within a second.
    ServerProcess::start(&["--data-dir", data, "--database-acquire-timeout", "1"])
}

/// The process id of the PostgreSQL server of this data directory, if it runs.
fn postgres(data: &Path) -> Option<Pid> {
    let record = fs::read_to_string(data.join("postgres/postmaster.pid")).ok()?;
    let pid = Pid::from_raw(record.lines().next()?.parse().ok()?);
    kill(pid, None).is_ok().then_some(pid)
}

/// The effects of the commands with response 204, by user.
#[derive(Default)]
struct Succeeded {
    users: Mutex<BTreeMap<String, UserRows>>,
    count: AtomicUsize,
}

#[derive(Default, Clone)]
struct UserRows {
    messages: BTreeSet<String>,
    followees: BTreeSet<String>,
}

impl Succeeded {
    fn record(&self, user: &str, change: impl FnOnce(&mut UserRows)) {
        change(self.users.lock().expect("no panic").entry(user.to_owned()).or_default());
        self.count.fetch_add(1, Ordering::SeqCst);
    }
}

/// The state that the simulators share.
#[derive(Clone)]
struct Load {
    /// The server's URL.
    base: Arc<Mutex<String>>,
    succeeded: Arc<Succeeded>,
    stop: Arc<AtomicBool>,
}

impl Load {
    fn simulator(&self) -> Simulator {
        Simulator::new(format!("{}/sim", self.base.lock().expect("no panic")))
    }

    /// Registers one user after another; each posts two messages and follows the previous user.
    async fn run(self, number: usize) {
        let mut previous: Option<String> = None;
        for round in 0.. {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let name = format!("simulator {number} user {round}");
            let user = json!({"username": name, "email": "a@b", "pwd": "secret"});
            if !self.command("/register", user).await {
                self.server_is_ready().await;
                continue;
            }
            self.succeeded.record(&name, |_| {});
            for text in ["first", "second"] {
                let path = format!("/msgs/{}", encode(&name));
                if self.command(&path, json!({ "content": text })).await {
                    self.succeeded.record(&name, |rows| _ = rows.messages.insert(text.to_owned()));
                }
            }
            let path = format!("/fllws/{}", encode(&name));
            if let Some(previous) = &previous
                && self.command(&path, json!({ "follow": previous })).await
            {
                self.succeeded.record(&name, |rows| _ = rows.followees.insert(previous.clone()));
            }
            previous = Some(name);
        }
    }

    /// Sends a command. Returns whether its response is 204. The server may execute a command without
    /// sending its response.
    async fn command(&self, path: &str, body: Value) -> bool {
        let request = self.simulator().request(Method::POST, path).json(&body);
        request.send().await.is_ok_and(|response| response.status() == 204)
    }

    async fn server_is_ready(&self) {
        eventually("a ready server", || async {
            let base = self.base.lock().expect("no panic").clone();
            let response =
                Simulator::new(base).request(Method::GET, "/readyz").send().await.ok()?;
            (response.status() == 200).then_some(())
        })
        .await;
    }

    /// Returns once this many more commands have succeeded.
    async fn more_commands(&self, more: usize) {
        let goal = self.succeeded.count.load(Ordering::SeqCst) + more;
        eventually("successful commands", || async {
            (self.succeeded.count.load(Ordering::SeqCst) >= goal).then_some(())
        })
        .await;
    }
}

/// Asserts that the effect of each successful command still exists.
async fn check(succeeded: &Succeeded, simulator: &Simulator) {
    let users = succeeded.users.lock().expect("no panic").clone();
    assert!(users.len() > KILLS, "{}", users.len());
    for (name, rows) in users {
        let messages = simulator.get(&format!("/msgs/{}?no=1000", encode(&name))).await;
        assert_eq!(messages.status, 200, "{name} is lost");
        let messages = messages.json();
        let messages = messages.as_array().expect("a list").iter();
        let messages: BTreeSet<String> =
            messages.map(|message| message["content"].as_str().expect("text").to_owned()).collect();
        assert!(rows.messages.is_subset(&messages), "{name} posted {:?}", rows.messages);
        let followees = simulator.get(&format!("/fllws/{}?no=1000", encode(&name))).await.json();
        let followees: BTreeSet<String> =
            serde_json::from_value(followees["follows"].clone()).expect("names");
        assert!(rows.followees.is_subset(&followees), "{name} follows {:?}", rows.followees);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_successful_command_survives_twenty_kills() {
    let (_directory, data) = data_directory();
    let mut server = serve(&data);
    let load = Load {
        base: Arc::new(Mutex::new(server.base.clone())),
        succeeded: Arc::default(),
        stop: Arc::default(),
    };
    let simulators: Vec<JoinHandle<()>> =
        (0..SIMULATORS).map(|number| tokio::spawn(load.clone().run(number))).collect();
    for round in 0..KILLS {
        load.more_commands(COMMANDS_BETWEEN_KILLS).await;
        if round % 2 == 0 {
            server.end(Signal::SIGKILL);
            server = serve(&data);
            load.base.lock().expect("no panic").clone_from(&server.base);
        } else {
            let killed = postgres(&data).expect("it runs");
            kill(killed, Signal::SIGKILL).expect("it runs");
            eventually("a restarted PostgreSQL", || async {
                postgres(&data).filter(|pid| *pid != killed)
            })
            .await;
        }
    }
    load.more_commands(COMMANDS_BETWEEN_KILLS).await;
    load.stop.store(true, Ordering::SeqCst);
    for simulator in simulators {
        simulator.await.expect("no panic");
    }
    check(&load.succeeded, &load.simulator()).await;
    // A new process shows only what is stored.
    server.end(Signal::SIGKILL);
    let server = serve(&data);
    check(&load.succeeded, &Simulator::new(format!("{}/sim", server.base))).await;
}

#[tokio::test]
async fn a_shutdown_keeps_all_rows_and_leaves_no_process() {
    let (_directory, data) = data_directory();
    let mut server = serve(&data);
    let simulator = Simulator::new(format!("{}/sim", server.base));
    for name in ["ann", "bob"] {
        assert_eq!(simulator.register(name).await.status, 204);
    }
    assert_eq!(simulator.tweet("ann", "Grüße 🐦").await.status, 204);
    let path = "/fllws/bob?latest=41";
    let follow = json!({"follow": "ann"});
    assert_eq!(simulator.post(path, follow).await.status, 204);
    let running = postgres(&data).expect("it runs");

    let status = server.end(Signal::SIGTERM);
    assert!(status.success(), "{status}: {}", server.output());
    assert!(kill(running, None).is_err(), "PostgreSQL still runs");
    assert!(!data.join("postgres/postmaster.pid").exists(), "PostgreSQL was not shut down");

    let server = serve(&data);
    let simulator = Simulator::new(format!("{}/sim", server.base));
    assert_eq!(simulator.latest().await, 41);
    simulator.get("/msgs/ann").await.says("Grüße 🐦");
    let follows = simulator.get("/fllws/bob").await.json();
    assert_eq!(follows, json!({"follows": ["ann"]}));
}

#[tokio::test]
async fn a_shutdown_waits_for_the_responses_of_requests_in_flight() {
    let database = TestDatabase::fresh().await;
    let timeout = "60";
    let mut server = ServerProcess::start(&[
        "--database-url",
        &database.url(),
        "--database-statement-timeout",
        timeout,
        "--shutdown-timeout",
        timeout,
    ]);
    let simulator = Simulator::new(format!("{}/sim", server.base));
    assert_eq!(simulator.register("ann").await.status, 204);
    // Not against reads: the search index reads messages in the background, and must not count as waiting.
    let lock = database.lock_against_writes("messages").await;
    let in_flight = tokio::spawn({
        let simulator = simulator.clone();
        async move { simulator.tweet("ann", "in flight").await }
    });
    database.waiting_statements(1).await;

    kill(server.pid(), Signal::SIGTERM).expect("it runs");
    eventually("a shutdown", || async { server.output().contains("stopping").then_some(()) }).await;
    let request = simulator.request(Method::GET, "/latest");
    let refused = || async { request.try_clone()?.send().await.is_err().then_some(()) };
    eventually("a refused connection", refused).await;
    lock.release().await;
    assert_eq!(in_flight.await.expect("no panic").status, 204);
    let status = tokio::task::spawn_blocking(move || server.wait()).await.expect("no panic");
    assert!(status.success(), "{status}");
    let messages: i64 = sqlx::query_scalar("SELECT count(*) FROM messages")
        .fetch_one(&mut database.connect().await)
        .await
        .expect("a number");
    assert_eq!(messages, 1);
}
