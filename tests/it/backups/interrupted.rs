//! Restores that are killed.

use std::{cell::RefCell, fs, path::Path, process::Child};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{Machine, messages, simulator, stop, success, tweet};
use crate::support::{eventually, process::minitwit};

/// A moment of a restore, found in the data directory.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// The new cluster has at least this many files.
    Files(usize),
    /// The new cluster is in place.
    Replaced,
    /// The server on it has begun to replay WAL.
    Replaying,
}

impl Moment {
    fn has_come(self, data: &Path) -> bool {
        let entries: Vec<_> = fs::read_dir(data).into_iter().flatten().flatten().collect();
        let named = |prefix: &str| {
            let is_named =
                |it: &&fs::DirEntry| it.file_name().to_string_lossy().starts_with(prefix);
            entries.iter().find(is_named).map(fs::DirEntry::path)
        };
        let is_replaced = || named("postgres.before-restore-").is_some();
        match self {
            Self::Files(files) => {
                let new = named("postgres.new-")
                    .or_else(|| named("restore").map(|it| it.join("postgres")));
                is_replaced() || new.is_some_and(|new| count(&new) >= files)
            }
            Self::Replaced => is_replaced(),
            Self::Replaying => is_replaced() && data.join("postgres/postmaster.pid").exists(),
        }
    }
}

/// The number of files below a directory, which may change during the count.
fn count(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|it| if it.path().is_dir() { count(&it.path()) } else { 1 }).sum()
}

/// Kills a restore at a moment. Returns whether it was still running.
async fn kill_at(moment: Moment, restore: Child, data: &Path) -> bool {
    let restore = RefCell::new(restore);
    let killed = eventually("the moment comes", async || {
        let mut restore = restore.borrow_mut();
        if restore.try_wait().expect("a child").is_some() {
            return Some(false);
        }
        moment.has_come(data).then(|| {
            let pid = Pid::from_raw(restore.id().try_into().expect("a pid"));
            kill(pid, Signal::SIGKILL).is_ok()
        })
    })
    .await;
    restore.borrow_mut().wait().expect("a child");
    killed
}

/// Kills restores of the state with the message "one" over one with "one" and "two", at each moment. The
/// data is one of the two states after each, and a last restore succeeds.
async fn kill_restores(machine: &Machine, restore: &[&str], moments: &[Moment]) {
    let data = machine.path("data");
    for moment in moments {
        let running = minitwit(restore).args(machine.data_settings()).spawn().expect("it runs");
        let killed = kill_at(*moment, running, &data).await;
        println!("{moment:?}: killed {killed}");
        for kept in machine.entries("postgres.before-restore-") {
            assert!(kept.join("PG_VERSION").exists(), "{moment:?}: the kept cluster is whole");
            fs::remove_dir_all(kept).expect("removed");
        }
        let server = machine.serve();
        let found = messages(&server).await;
        if found == ["one"] {
            tweet(&server, &["two"]).await;
        } else {
            assert_eq!(found, ["one", "two"], "{moment:?}");
        }
        stop(server);
    }
    success(machine.run(restore));
    let server = machine.serve();
    assert_eq!(messages(&server).await, ["one"]);
    stop(server);
    for unfinished in ["postgres.new-", "restore"] {
        assert!(machine.entries(unfinished).is_empty(), "{unfinished} is left");
    }
}

/// A server with "one" in its backups and "two" after them, stopped. The first line of `backup`'s output
/// is returned.
async fn machine(backup: &[&str]) -> (Machine, String) {
    let machine = Machine::new();
    let server = machine.serve();
    assert_eq!(simulator(&server).register("ann").await.status, 204);
    tweet(&server, &["one"]).await;
    let output = success(machine.run(backup));
    tweet(&server, &["two"]).await;
    stop(server);
    (machine, output)
}

#[tokio::test]
async fn a_killed_restore_leaves_the_old_or_the_new_database() {
    let (machine, output) = machine(&["backup"]).await;
    let line = output.lines().find_map(|line| line.strip_prefix("backed up ")).expect("a backup");
    let name = line.split_whitespace().next().expect("a name");
    let moments = [Moment::Files(rand::random_range(0..900)), Moment::Replaced, Moment::Replaying];
    kill_restores(&machine, &["restore", "--set", name, "--yes"], &moments).await;
}

#[tokio::test]
async fn a_killed_restore_of_a_file_leaves_the_old_or_the_new_database() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("dump").to_str().expect("text").to_owned();
    let (machine, _) = machine(&["backup", "--logical", &file]).await;
    let moments = [Moment::Files(rand::random_range(0..900)), Moment::Files(900), Moment::Replaced];
    kill_restores(&machine, &["restore", &file, "--yes"], &moments).await;
}
