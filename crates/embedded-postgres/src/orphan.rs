//! The postmaster of a former run: whether it still runs, and how to stop it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    POLL,
    error::Error,
    postmaster::{FAST_SHUTDOWN, IMMEDIATE_SHUTDOWN},
};

/// Makes the cluster free of a postmaster of a former run: stops one that runs still. A record of
/// one whose process id now belongs to something else is removed, as PostgreSQL would believe it.
///
/// # Errors
/// [`Error::Orphan`] if it does not stop.
pub(super) fn settle(pgdata: &Path) -> Result<(), Error> {
    let pid_file = pid_file(pgdata);
    let Some(pid) = recorded_pid(&pid_file) else { return Ok(()) };
    // A dead one's record is left to PostgreSQL, which checks more by it.
    if kill(pid, None) == Err(Errno::ESRCH) {
        return Ok(());
    }
    match is_postmaster(pid, pgdata) {
        Some(true) => {
            tracing::warn!(%pid, "stopping the PostgreSQL process of a former run");
            stop(pid, pgdata)
        }
        Some(false) => remove_record(&pid_file),
        None => Ok(()),
    }
}

/// Where a running postmaster records itself; its lines are in PostgreSQL's `pidfile.h`.
pub(super) fn pid_file(pgdata: &Path) -> PathBuf {
    pgdata.join("postmaster.pid")
}

fn recorded_pid(pid_file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(pid_file).ok()?;
    let pid = text.lines().next()?.trim().parse().ok().filter(|pid| *pid > 1)?;
    Some(Pid::from_raw(pid))
}

fn remove_record(pid_file: &Path) -> Result<(), Error> {
    match fs::remove_file(pid_file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", pid_file)(error))
        }
        _ => Ok(()),
    }
}

fn stop(pid: Pid, pgdata: &Path) -> Result<(), Error> {
    for (signal, patience) in
        [(Signal::SIGINT, FAST_SHUTDOWN), (Signal::SIGQUIT, IMMEDIATE_SHUTDOWN)]
    {
        // An error means that it ended meanwhile, or is not ours to stop, which shows below.
        let _ = kill(pid, signal);
        if ends_within(patience, pid, pgdata) {
            return Ok(());
        }
    }
    Err(Error::Orphan { pid: pid.as_raw() })
}

fn ends_within(patience: Duration, pid: Pid, pgdata: &Path) -> bool {
    let deadline = Instant::now() + patience;
    while is_postmaster(pid, pgdata) == Some(true) {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(POLL);
    }
    true
}

/// Whether the process is the postmaster of this cluster, by its command line; `None` if that
/// cannot be told. A zombie, whose command line is empty, is none.
fn is_postmaster(pid: Pid, pgdata: &Path) -> Option<bool> {
    Some(command_line(pid)?.contains(&format!("postgres -D {} ", pgdata.display())))
}

/// The arguments of a process, each followed by a space; empty if it is gone.
#[cfg(target_os = "linux")]
fn command_line(pid: Pid) -> Option<String> {
    match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).replace('\0', " ")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(String::new()),
        Err(_) => None,
    }
}

/// The arguments of a process, each followed by a space; empty if it is gone.
#[cfg(not(target_os = "linux"))]
fn command_line(pid: Pid) -> Option<String> {
    let mut ps = std::process::Command::new("ps");
    let output = ps.args(["-ww", "-o", "args=", "-p", &pid.to_string()]).output().ok()?;
    Some(format!("{} ", String::from_utf8_lossy(&output.stdout).trim_end()))
}
