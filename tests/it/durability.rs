//! What was answered is kept: through `kill -9` of the server and of PostgreSQL, and through a stop.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
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
    process::Serving,
};

/// How often something is killed: the server and its PostgreSQL by turns.
const KILLS: usize = 20;
/// How many simulators are at work at once.
const SIMULATORS: usize = 4;
/// How many commands are answered between one kill and the next.
const ANSWERED_BETWEEN_KILLS: usize = 24;

/// A data directory that the account of PostgreSQL can enter.
fn data_directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let everybody = fs::Permissions::from_mode(0o755);
    fs::set_permissions(directory.path(), everybody).expect("ours");
    directory
}

fn serve(data: &Path) -> Serving {
    let data = data.to_str().expect("text");
    // Requests that run into a dead PostgreSQL are not waited for.
    Serving::start(&["--data-dir", data, "--database-acquire-timeout", "1"])
}

/// The process of the PostgreSQL server in this data directory, as it records itself.
fn postgres(data: &Path) -> Option<Pid> {
    let record = fs::read_to_string(data.join("postgres/postmaster.pid")).ok()?;
    let pid = Pid::from_raw(record.lines().next()?.parse().ok()?);
    kill(pid, None).is_ok().then_some(pid)
}

/// What the server has answered with 204, by user.
#[derive(Default)]
struct Answered {
    users: Mutex<BTreeMap<String, Kept>>,
    count: AtomicUsize,
}

#[derive(Default, Clone)]
struct Kept {
    messages: BTreeSet<String>,
    followees: BTreeSet<String>,
}

impl Answered {
    fn note(&self, user: &str, change: impl FnOnce(&mut Kept)) {
        change(self.users.lock().expect("no panic").entry(user.to_owned()).or_default());
        self.count.fetch_add(1, Ordering::SeqCst);
    }
}

/// What the simulators share.
#[derive(Clone)]
struct Load {
    /// Where the server is now.
    base: Arc<Mutex<String>>,
    answered: Arc<Answered>,
    stop: Arc<AtomicBool>,
}

impl Load {
    fn simulator(&self) -> Simulator {
        Simulator::new(format!("{}/sim", self.base.lock().expect("no panic")))
    }

    /// Registers one user after the other, each of whom says something and follows the one before.
    async fn run(self, number: usize) {
        let mut before: Option<String> = None;
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
            self.answered.note(&name, |_| {});
            for text in ["first", "second"] {
                let path = format!("/msgs/{}", encode(&name));
                if self.command(&path, json!({ "content": text })).await {
                    self.answered.note(&name, |kept| _ = kept.messages.insert(text.to_owned()));
                }
            }
            let path = format!("/fllws/{}", encode(&name));
            if let Some(before) = &before
                && self.command(&path, json!({ "follow": before })).await
            {
                self.answered.note(&name, |kept| _ = kept.followees.insert(before.clone()));
            }
            before = Some(name);
        }
    }

    /// Whether the command was answered with 204. Without an answer it may or may not be done.
    async fn command(&self, path: &str, body: Value) -> bool {
        let request = self.simulator().request(Method::POST, path).json(&body);
        request.send().await.is_ok_and(|response| response.status() == 204)
    }

    async fn server_is_ready(&self) {
        eventually("the server is ready", || async {
            let base = self.base.lock().expect("no panic").clone();
            let answer = Simulator::new(base).request(Method::GET, "/readyz").send().await.ok()?;
            (answer.status() == 200).then_some(())
        })
        .await;
    }

    /// Waits until as many more commands have been answered.
    async fn answers(&self, more: usize) {
        let goal = self.answered.count.load(Ordering::SeqCst) + more;
        eventually("commands are answered", || async {
            (self.answered.count.load(Ordering::SeqCst) >= goal).then_some(())
        })
        .await;
    }
}

/// Asserts that everything that was answered is there.
async fn check(answered: &Answered, simulator: &Simulator) {
    let users = answered.users.lock().expect("no panic").clone();
    assert!(users.len() > KILLS, "{}", users.len());
    for (name, kept) in users {
        let messages = simulator.get(&format!("/msgs/{}?no=1000", encode(&name))).await;
        assert_eq!(messages.status, 200, "{name} is lost");
        let messages = messages.json();
        let messages = messages.as_array().expect("a list").iter();
        let messages: BTreeSet<String> =
            messages.map(|message| message["content"].as_str().expect("text").to_owned()).collect();
        assert!(kept.messages.is_subset(&messages), "{name} said {:?}", kept.messages);
        let followees = simulator.get(&format!("/fllws/{}?no=1000", encode(&name))).await.json();
        let followees: BTreeSet<String> =
            serde_json::from_value(followees["follows"].clone()).expect("names");
        assert!(kept.followees.is_subset(&followees), "{name} follows {:?}", kept.followees);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_that_was_answered_survives_twenty_kills() {
    let data = data_directory();
    let mut server = serve(data.path());
    let load = Load {
        base: Arc::new(Mutex::new(server.base.clone())),
        answered: Arc::default(),
        stop: Arc::default(),
    };
    let simulators: Vec<JoinHandle<()>> =
        (0..SIMULATORS).map(|number| tokio::spawn(load.clone().run(number))).collect();
    for round in 0..KILLS {
        load.answers(ANSWERED_BETWEEN_KILLS).await;
        if round % 2 == 0 {
            server.end(Signal::SIGKILL);
            server = serve(data.path());
            load.base.lock().expect("no panic").clone_from(&server.base);
        } else {
            let killed = postgres(data.path()).expect("it runs");
            kill(killed, Signal::SIGKILL).expect("it runs");
            eventually("another PostgreSQL", || async {
                postgres(data.path()).filter(|pid| *pid != killed)
            })
            .await;
        }
    }
    load.answers(ANSWERED_BETWEEN_KILLS).await;
    load.stop.store(true, Ordering::SeqCst);
    for simulator in simulators {
        simulator.await.expect("no panic");
    }
    check(&load.answered, &load.simulator()).await;
    // And once more, in a process that has seen none of it.
    server.end(Signal::SIGKILL);
    let server = serve(data.path());
    check(&load.answered, &Simulator::new(format!("{}/sim", server.base))).await;
}

#[tokio::test]
async fn a_stop_keeps_everything_and_leaves_no_process() {
    let data = data_directory();
    let mut server = serve(data.path());
    let simulator = Simulator::new(format!("{}/sim", server.base));
    for name in ["ann", "bob"] {
        assert_eq!(simulator.register(name).await.status, 204);
    }
    assert_eq!(simulator.tweet("ann", "Grüße 🐦").await.status, 204);
    let path = "/fllws/bob?latest=41";
    let follow = json!({"follow": "ann"});
    assert_eq!(simulator.post(path, follow).await.status, 204);
    let running = postgres(data.path()).expect("it runs");

    let status = server.end(Signal::SIGTERM);
    assert!(status.success(), "{status}: {}", server.output());
    assert!(kill(running, None).is_err(), "PostgreSQL runs on");
    assert!(!data.path().join("postgres/postmaster.pid").exists(), "PostgreSQL did not stop well");

    let server = serve(data.path());
    let simulator = Simulator::new(format!("{}/sim", server.base));
    assert_eq!(simulator.latest().await, 41);
    simulator.get("/msgs/ann").await.says("Grüße 🐦");
    let follows = simulator.get("/fllws/bob").await.json();
    assert_eq!(follows, json!({"follows": ["ann"]}));
}

#[tokio::test]
async fn a_stopping_server_answers_the_requests_in_flight() {
    let database = TestDatabase::fresh().await;
    let patience = "60";
    let mut server = Serving::start(&[
        "--database-url",
        &database.url(),
        "--database-statement-timeout",
        patience,
        "--shutdown-timeout",
        patience,
    ]);
    let simulator = Simulator::new(format!("{}/sim", server.base));
    assert_eq!(simulator.register("ann").await.status, 204);
    let lock = database.lock("messages").await;
    let in_flight = tokio::spawn({
        let simulator = simulator.clone();
        async move { simulator.tweet("ann", "in flight").await }
    });
    database.waiting_statements(1).await;

    kill(server.pid(), Signal::SIGTERM).expect("it runs");
    eventually("the end begins", || async { server.output().contains("stopping").then_some(()) })
        .await;
    let refused = simulator.request(Method::GET, "/latest");
    let refused = || async { refused.try_clone()?.send().await.is_err().then_some(()) };
    eventually("no further requests", refused).await;
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
