//! What a panic ends: a request, or the process.
//!
//! A server answers a request whose handler panicked with 500. Every other panic is a defect or a lack of
//! resources that the command cannot continue from: unwinding might wait for threads that do not exist.

use std::{
    panic::{self, PanicHookInfo},
    process,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use super::stop::tell;

/// The exit code, which is that of Rust programs that panic.
const EXIT_PANICKED: i32 = 101;
/// How long the log has to be written before the process ends.
const LOG_FLUSH: Duration = Duration::from_millis(200);
/// How errors show that a process may have no more threads (`EAGAIN`).
const NO_MORE_THREADS: [&str; 2] = ["os error 11", "code: 11"];

/// Set while a server serves.
static SERVING: AtomicBool = AtomicBool::new(false);

/// From now on, panics end the process, after the present hook.
pub(super) fn end_process() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        report(panic);
        if !SERVING.load(Ordering::Relaxed) || thread::current().name() == Some("main") {
            exit(panic);
        }
    }));
}

/// From now on, only a panic of the main thread ends the process.
pub(super) fn serving() {
    SERVING.store(true, Ordering::Relaxed);
}

fn exit(panic: &PanicHookInfo<'_>) {
    let cause = panic.payload_as_str().unwrap_or("a panic");
    let remedy = if NO_MORE_THREADS.iter().any(|it| cause.contains(it)) {
        "; the process may have no more threads: raise the limit (ulimit -u, TasksMax of systemd, pids_limit of a \
         container)"
    } else {
        ""
    };
    tell(&format!("internal error: {cause}{remedy}"));
    thread::sleep(LOG_FLUSH);
    process::exit(EXIT_PANICKED);
}
