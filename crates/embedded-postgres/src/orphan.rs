//! Finds and stops the orphan of an earlier run: a postmaster that outlived its MiniTwit.
//!
//! The caller holds the lock of the data directory, so no other MiniTwit starts a server there.

use std::{fs, io, path::Path};

use child_process::Cancel;
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    error::Error,
    process::{FAST_SHUTDOWN, IMMEDIATE_SHUTDOWN, pid_file, poll_until},
};

/// Stops the orphan of this cluster, if there is one. Removes a pid file whose process id belongs to
/// another program by now, since PostgreSQL would trust it.
pub(crate) fn stop(pgdata: &Path, cancel: &Cancel) -> Result<(), Error> {
    let pid_file = pid_file(pgdata);
    let Some(pid) = recorded_pid(&pid_file) else {
        return stop_unrecorded(pgdata, &pid_file, cancel);
    };
    // PostgreSQL itself removes the file of a dead postmaster, after further checks.
    if kill(pid, None) == Err(Errno::ESRCH) {
        return Ok(());
    }
    match is_postmaster(pid, pgdata) {
        Some(true) => {
            tracing::warn!(%pid, "stopping the PostgreSQL server of an earlier run");
            stop_process(pid, pgdata, cancel)
        }
        Some(false) => remove(&pid_file),
        None => Ok(()),
    }
}

/// Like [`stop`], also for a postmaster that has not recorded itself yet.
pub(crate) fn stop_all(pgdata: &Path) -> Result<(), Error> {
    let cancel = &Cancel::default();
    stop(pgdata, cancel)?;
    for pid in processes() {
        if is_postmaster(pid, pgdata) == Some(true) {
            stop_process(pid, pgdata, cancel)?;
        }
    }
    Ok(())
}

fn recorded_pid(pid_file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(pid_file).ok()?;
    let pid = text.lines().next()?.trim().parse().ok().filter(|pid| *pid > 1)?;
    Some(Pid::from_raw(pid))
}

/// Removes a pid file without a process id, which a `kill -9` or a full disk leaves: PostgreSQL does not
/// start while it exists. Stops a postmaster that runs nevertheless first.
fn stop_unrecorded(pgdata: &Path, pid_file: &Path, cancel: &Cancel) -> Result<(), Error> {
    if !pid_file.exists() {
        return Ok(());
    }
    if let Some(pid) = processes().into_iter().find(|pid| is_postmaster(*pid, pgdata) == Some(true))
    {
        tracing::warn!(%pid, "stopping the PostgreSQL server of an earlier run");
        stop_process(pid, pgdata, cancel)?;
    }
    tracing::warn!(path = %pid_file.display(), "removing a pid file without a process id");
    remove(pid_file)
}

fn remove(pid_file: &Path) -> Result<(), Error> {
    match fs::remove_file(pid_file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", pid_file)(error))
        }
        _ => Ok(()),
    }
}

fn stop_process(pid: Pid, pgdata: &Path, cancel: &Cancel) -> Result<(), Error> {
    for (signal, timeout) in
        [(Signal::SIGINT, FAST_SHUTDOWN), (Signal::SIGQUIT, IMMEDIATE_SHUTDOWN)]
    {
        // An error means that the process has ended or belongs to another user; the poll finds out
        // which.
        let _ = kill(pid, signal);
        let ended = || is_postmaster(pid, pgdata) != Some(true);
        if poll_until(timeout, || cancel.is_cancelled() || ended()) {
            return if ended() { Ok(()) } else { Err(Error::Cancelled) };
        }
    }
    Err(Error::Orphan { pid: pid.as_raw() })
}

/// Whether the command line of the process is that of this cluster's postmaster; `None` if it cannot
/// be read. A zombie has an empty command line.
fn is_postmaster(pid: Pid, pgdata: &Path) -> Option<bool> {
    Some(command_line(pid)?.contains(&format!("postgres -D {} ", pgdata.display())))
}

/// The ids of all processes.
#[cfg(target_os = "linux")]
pub(crate) fn processes() -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.map(Pid::from_raw).collect()
}

/// The ids of all processes.
#[cfg(not(target_os = "linux"))]
pub(crate) fn processes() -> Vec<Pid> {
    let output = std::process::Command::new("ps").args(["-axo", "pid="]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let ids = text.unwrap_or_default();
    ids.lines().filter_map(|line| line.trim().parse().ok()).map(Pid::from_raw).collect()
}

/// The arguments of a process, each followed by a space; empty if the process has ended.
#[cfg(target_os = "linux")]
pub(crate) fn command_line(pid: Pid) -> Option<String> {
    match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).replace('\0', " ")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(String::new()),
        Err(_) => None,
    }
}

/// The arguments of a process, each followed by a space; empty if the process has ended.
#[cfg(not(target_os = "linux"))]
pub(crate) fn command_line(pid: Pid) -> Option<String> {
    let mut ps = std::process::Command::new("ps");
    let output = ps.args(["-ww", "-o", "args=", "-p", &pid.to_string()]).output().ok()?;
    Some(format!("{} ", String::from_utf8_lossy(&output.stdout).trim_end()))
}
