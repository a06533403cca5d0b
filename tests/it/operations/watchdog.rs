//! The watchdog ends a server whose runtime hangs.

use std::{fs, thread};

use nix::{
    errno::Errno,
    sys::{
        ptrace,
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use crate::support::{cluster::TestDatabase, process::ServerProcess};

/// Suspends only the worker threads of the runtime, until the process ends. The calling thread traces
/// them, so it must also wait for them: otherwise the process would remain a zombie.
fn suspend_workers(process: Pid) {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let mut suspended = Vec::new();
    for task in tasks {
        let task = task.expect("a thread").path();
        let name = fs::read_to_string(task.join("comm")).expect("it has a name");
        if name.starts_with("tokio-") {
            let thread = task.file_name().and_then(|id| id.to_str()?.parse().ok());
            let thread = Pid::from_raw(thread.expect("a number"));
            ptrace::seize(thread, ptrace::Options::empty()).expect("a thread of a child");
            ptrace::interrupt(thread).expect("it is seized");
            suspended.push(thread);
        }
    }
    assert!(!suspended.is_empty(), "no thread has the name of a worker");
    for thread in suspended {
        while !matches!(
            waitpid(thread, Some(WaitPidFlag::__WALL)),
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(Errno::ECHILD)
        ) {}
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_ended() {
    let database = TestDatabase::fresh().await;
    let mut serving = ServerProcess::start(&["--database-url", &database.url(), "--watchdog", "5"]);
    let process = serving.pid();
    let tracer = thread::spawn(move || suspend_workers(process));
    let status = serving.wait();
    tracer.join().expect("no panic");
    assert_eq!(status.code(), Some(70), "{}", serving.output());
}
