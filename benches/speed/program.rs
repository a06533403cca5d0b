//! Programs that are run to their end, or until they are dropped.

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

/// How long a program may take to stop when it is asked to.
const PATIENCE: Duration = Duration::from_secs(40);

/// The path of a program.
///
/// # Errors
/// When it is not installed.
pub fn find(name: &str) -> Result<PathBuf, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where Debian has nginx, for whoever is not root.
    let directories = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = directories.map(|directory| directory.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| format!("{name} is missing: run scripts/install-bench-tools").into())
}

/// Runs a program to its end, and returns what it wrote to both of its outputs.
///
/// # Errors
/// When it fails, with what it wrote.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(format!("{name} failed: {text}").into()) }
}

/// A program that runs until this is dropped.
pub struct Running(Child);

impl Running {
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self, Failure> {
        let name = command.get_program().to_string_lossy().into_owned();
        Ok(Self(command.spawn().map_err(|error| format!("{name}: {error}"))?))
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits until it has ended; returns whether it succeeded.
    pub fn wait(&mut self) -> Result<bool, Failure> {
        Ok(self.0.wait()?.success())
    }

    /// Whether it runs still.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its process id is its own until it was waited for.
        let _ = kill(Pid::from_raw(self.pid().cast_signed()), Signal::SIGTERM);
        let asked = Instant::now();
        while self.is_alive() && asked.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until `probe` has an answer.
///
/// # Errors
/// When it has none for long.
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> Result<T, Failure> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(answer) = probe() {
            return Ok(answer);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("not within {} s: {what}", PATIENCE.as_secs()).into())
}
