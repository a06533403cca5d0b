//! Stopping PostgreSQL's processes: time-outs, the pid file, and the end with their parent.

use std::{
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

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

/// Makes the kernel send `signal` to the process when the calling thread ends, even by `kill -9` of
/// this process.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "pre_exec is unsafe; the comment at the call proves this use")]
pub(crate) fn end_with_this_thread(command: &mut Command, signal: Signal) {
    use std::{io, os::unix::process::CommandExt as _};

    use nix::{
        errno::Errno,
        sys::prctl::set_pdeathsig,
        unistd::{getpid, getppid},
    };

    let parent = getpid();
    let prepare = move || {
        set_pdeathsig(signal)?;
        // The parent may have died before that call.
        if getppid() == parent { Ok(()) } else { Err(io::Error::from(Errno::ESRCH)) }
    };
    // SAFETY: between fork and exec only async-signal-safe code may run. The closure makes two bare
    // system calls, prctl(2) and getppid(2), on copied integers; it allocates nothing, takes no
    // lock, and its errors are plain numbers. It runs after the change of user, which would clear
    // the setting.
    unsafe { command.pre_exec(prepare) };
}

/// Does nothing: only Linux can do this. On other systems, the next start stops the orphan.
#[cfg(not(target_os = "linux"))]
pub(crate) fn end_with_this_thread(_: &mut Command, _: Signal) {}
