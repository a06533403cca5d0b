//! Child processes.

use std::{
    path::PathBuf,
    process::{Child, Command},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::Failure;

/// Time for a program to start or stop.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Finds an installed program.
pub fn find(name: &str) -> Result<PathBuf, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian installs nginx in a directory that is only in root's PATH.
    let directories = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = directories.map(|directory| directory.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| format!("{name} is missing: run scripts/install-bench-tools").into())
}

/// Runs a program and returns both of its outputs. The error contains them too.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(format!("{name} failed: {text}").into()) }
}

/// A running program; dropping it stops the program.
pub struct Running(Child);

impl Running {
    pub fn start(command: &mut Command) -> Result<Self, Failure> {
        let name = command.get_program().to_string_lossy().into_owned();
        Ok(Self(command.spawn().map_err(|error| format!("{name}: {error}"))?))
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits for its exit. Returns true on success.
    pub fn wait(&mut self) -> Result<bool, Failure> {
        Ok(self.0.wait()?.success())
    }

    /// Returns true while it runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process id stays valid until wait() is called.
        let _ = kill(Pid::from_raw(self.pid().cast_signed()), Signal::SIGTERM);
        let begun = Instant::now();
        while self.is_alive() && begun.elapsed() < TIMEOUT {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Polls until `probe` returns a value.
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> Result<T, Failure> {
    let begun = Instant::now();
    while begun.elapsed() < TIMEOUT {
        if let Some(answer) = probe() {
            return Ok(answer);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("not within {} s: {what}", TIMEOUT.as_secs()).into())
}
