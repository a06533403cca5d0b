//! A server that hangs.

use std::{fs, thread};

use nix::{
    errno::Errno,
    sys::{
        ptrace,
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use crate::support::{cluster::TestDatabase, process::Serving};

/// Stops the threads of the process that work for its runtime, and none of the others, until it ends.
/// Whoever stops a thread so must see it end, before the process can be gone.
fn hang(process: Pid) {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let mut stopped = Vec::new();
    for task in tasks {
        let task = task.expect("a thread").path();
        let name = fs::read_to_string(task.join("comm")).expect("it has a name");
        if name.starts_with("tokio-") {
            let thread = task.file_name().and_then(|id| id.to_str()?.parse().ok());
            let thread = Pid::from_raw(thread.expect("a number"));
            ptrace::seize(thread, ptrace::Options::empty()).expect("a thread of a child");
            ptrace::interrupt(thread).expect("it is seized");
            stopped.push(thread);
        }
    }
    assert!(!stopped.is_empty(), "the workers are not called as they were");
    for thread in stopped {
        while !matches!(
            waitpid(thread, Some(WaitPidFlag::__WALL)),
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(Errno::ECHILD)
        ) {}
    }
}

#[tokio::test]
async fn a_server_that_hangs_ends_itself() {
    let database = TestDatabase::fresh().await;
    let mut serving = Serving::start(&["--database-url", &database.url(), "--watchdog", "5"]);
    let process = serving.pid();
    let stopping = thread::spawn(move || hang(process));
    let status = serving.wait();
    stopping.join().expect("no panic");
    assert_eq!(status.code(), Some(70), "{}", serving.output());
}
