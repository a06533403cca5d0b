//! `kill -9` of PostgreSQL and of its parent process, and the remains of earlier runs.

use std::{
    env, fs,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use embedded_postgres::Embedded;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection as _, PgConnection};

use crate::{Rerun, block_on, directory, eventually, query, rerun, settings, start, try_query};

/// The variable with the data directory of [`serve_until_killed`].
const DIRECTORY_VARIABLE: &str = "MINITWIT_TEST_DIRECTORY";

#[test]
fn a_killed_postgres_is_restarted() {
    let directory = directory();
    let server = start(directory.path());
    query(&server, "CREATE TABLE kept (text text)");
    for round in ["first", "second"] {
        query(&server, &format!("INSERT INTO kept VALUES ('{round}')"));
        let killed = server.pid().unwrap();
        kill(Pid::from_raw(killed.cast_signed()), Signal::SIGKILL).unwrap();
        eventually("a new process", || server.pid().filter(|pid| *pid != killed));
        eventually("recovery", || try_query(&server, "SELECT 1").ok());
    }
    assert_eq!(query(&server, "SELECT text FROM kept"), ["first", "second"]);
}

/// A suspended backend process, until dropped. It keeps the shared memory of a killed postmaster.
struct SuspendedBackend {
    _connection: PgConnection,
    pid: Pid,
}

impl Drop for SuspendedBackend {
    fn drop(&mut self) {
        kill(self.pid, Signal::SIGCONT).unwrap();
    }
}

async fn suspend_backend(server: &Embedded) -> SuspendedBackend {
    let options = server.connect_options("postgres");
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    let sql = "SELECT pg_backend_pid()";
    let pid: i32 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
    SuspendedBackend { _connection: connection, pid: Pid::from_raw(pid) }
}

#[test]
fn a_restart_waits_for_the_shared_memory() {
    let directory = directory();
    let server = start(directory.path());
    block_on(async {
        let suspended = suspend_backend(&server).await;
        let mut last = server.pid().unwrap();
        kill(Pid::from_raw(last.cast_signed()), Signal::SIGKILL).unwrap();
        // The first of these processes fails, because the memory is still in use.
        for _ in 0..2 {
            last = eventually("another process", || server.pid().filter(|pid| *pid != last));
        }
        drop(suspended);
    });
    eventually("recovery", || try_query(&server, "SELECT 1").ok());
}

#[test]
fn a_start_waits_for_the_shared_memory_of_an_earlier_run() {
    let directory = directory();
    let server = start(directory.path());
    let orphan = start_orphan(&server, directory.path());
    block_on(async {
        let suspended = suspend_backend(&server).await;
        drop(orphan);
        thread::scope(|scope| {
            let started = scope.spawn(|| Embedded::start(&settings(directory.path())).map(drop));
            let attempt = || postmasters(directory.path()).first().copied();
            let first = eventually("a first attempt", attempt);
            eventually("a second attempt", || attempt().filter(|pid| *pid != first));
            drop(suspended);
            started.join().unwrap().unwrap();
        });
    });
}

/// The process that other tests kill; not a test itself.
#[test]
#[ignore = "other tests run it in its own process"]
fn serve_until_killed() {
    let server = start(Path::new(&env::var_os(DIRECTORY_VARIABLE).unwrap()));
    query(&server, "CREATE TABLE kept (text text)");
    query(&server, "INSERT INTO kept VALUES ('kept')");
    fs::write(Path::new(&env::var_os(DIRECTORY_VARIABLE).unwrap()).join("serving"), "").unwrap();
    loop {
        thread::park();
    }
}

fn serve_in_a_process(directory: &Path) -> (Rerun, Process) {
    let mut rerun = rerun("crashes::serve_until_killed");
    rerun.command.env(DIRECTORY_VARIABLE, directory).stdout(Stdio::null());
    let process = Process(rerun.command.spawn().unwrap());
    (rerun, process)
}

fn postmasters(directory: &Path) -> Vec<Pid> {
    let arguments = format!("postgres\0-D\0{}/postgres\0", directory.display());
    let runs_it = |process: &fs::DirEntry| {
        fs::read_to_string(process.path().join("cmdline")).is_ok_and(|l| l.contains(&arguments))
    };
    let processes = fs::read_dir("/proc").unwrap().map(Result::unwrap).filter(runs_it);
    processes.map(|p| Pid::from_raw(p.file_name().to_str().unwrap().parse().unwrap())).collect()
}

#[test]
fn a_killed_parent_leaves_no_orphan_and_loses_no_data() {
    let directory = directory();
    let (_rerun, process) = serve_in_a_process(directory.path());
    eventually("serving", || directory.path().join("serving").exists().then_some(()));
    drop(process);
    // On systems other than Linux, the next start stops it.
    if cfg!(target_os = "linux") {
        eventually("the end of the orphan", || {
            postmasters(directory.path()).is_empty().then_some(())
        });
    }

    let server = start(directory.path());
    assert_eq!(query(&server, "SELECT text FROM kept"), ["kept"]);
}

#[test]
fn an_interrupted_initdb_is_repeated() {
    let directory = directory();
    let unfinished = || {
        let entries = fs::read_dir(directory.path()).unwrap();
        let path = entries.map(|entry| entry.unwrap().path());
        path.filter(|path| path.to_string_lossy().contains("postgres.new-")).collect::<Vec<_>>()
    };
    let (_rerun, process) = serve_in_a_process(directory.path());
    eventually("initdb", || unfinished().iter().find(|p| p.join("PG_VERSION").exists()).cloned());
    drop(process);
    assert!(!directory.path().join("postgres").exists());
    // A killed initdb leaves such a directory, too.
    let left = directory.path().join("postgres.new-killed");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("PG_VERSION"), "15\n").unwrap();

    let server = start(directory.path());
    assert_eq!(query(&server, "SELECT 'hello'"), ["hello"]);
    assert_eq!(unfinished(), Vec::<PathBuf>::new());
}

/// A process that is killed with `kill -9` when dropped, also when a test fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn_as_owner(program: &[String], directory: &Path) -> Process {
    let owner = fs::metadata(directory.join("postgres")).unwrap();
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]).current_dir(directory).stdout(Stdio::null()).stderr(Stdio::null());
    Process(command.gid(owner.gid()).uid(owner.uid()).spawn().unwrap())
}

/// Stops the server, and starts its postmaster as an orphan.
fn start_orphan(server: &Embedded, directory: &Path) -> Process {
    let command = fs::read_to_string(format!("/proc/{}/cmdline", server.pid().unwrap())).unwrap();
    let command: Vec<String> = command.trim_end_matches('\0').split('\0').map(Into::into).collect();
    server.stop();
    let process = spawn_as_owner(&command, directory);
    eventually("the process's start", || try_query(server, "SELECT 1").ok());
    process
}

#[test]
fn an_orphan_of_an_earlier_run_is_stopped() {
    let directory = directory();
    let server = start(directory.path());
    let mut orphan = start_orphan(&server, directory.path());

    let server = start(directory.path());
    assert!(orphan.0.try_wait().unwrap().unwrap().success());
    assert_eq!(query(&server, "SELECT 'hello'"), ["hello"]);
}

#[test]
fn a_reused_process_id_is_not_mistaken_for_an_orphan() {
    let directory = directory();
    start(directory.path()).stop();
    let mut sleeper = spawn_as_owner(&["sleep".into(), "600".into()], directory.path());
    let record = directory.path().join("postgres/postmaster.pid");
    fs::write(&record, format!("{}\n", sleeper.0.id())).unwrap();
    let server = start(directory.path());
    assert_eq!(query(&server, "SELECT 'hello'"), ["hello"]);
    assert_eq!(sleeper.0.try_wait().unwrap(), None);
}

#[test]
fn a_pid_file_without_a_process_id_does_not_prevent_a_start() {
    let directory = directory();
    start(directory.path()).stop();
    for content in ["", "\n", "garbage\n", "-1\n", "0\n", "99999999999999999999\n"] {
        fs::write(directory.path().join("postgres/postmaster.pid"), content).unwrap();
        let server = start(directory.path());
        assert_eq!(query(&server, "SELECT 'hello'"), ["hello"], "{content:?}");
    }
}

#[test]
fn an_orphan_whose_pid_file_is_empty_is_stopped() {
    let directory = directory();
    let server = start(directory.path());
    let mut orphan = start_orphan(&server, directory.path());
    fs::write(directory.path().join("postgres/postmaster.pid"), "").unwrap();

    let server = start(directory.path());
    assert!(orphan.0.try_wait().unwrap().is_some());
    assert_eq!(query(&server, "SELECT 'hello'"), ["hello"]);
}
