//! Stopping PostgreSQL's processes: time-outs and the pid file.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// The interval of checks of another process's state.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// The time-out of a fast shutdown, which writes a checkpoint.
pub(crate) const FAST_SHUTDOWN: Duration = Duration::from_secs(30);

/// The time-out of an immediate shutdown, which writes none.
pub(crate) const IMMEDIATE_SHUTDOWN: Duration = Duration::from_secs(10);

/// The file in which a running postmaster records itself, in the format of PostgreSQL's `pidfile.h`.
pub(crate) fn pid_file(pgdata: &Path) -> PathBuf {
    pgdata.join("postmaster.pid")
}

/// Polls until `condition` holds. Returns false if it does not within `timeout`.
pub(crate) fn poll_until(timeout: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + timeout;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(POLL);
    }
    true
}
