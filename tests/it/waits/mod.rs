//! Waits at the start of each command: the line that tells of them, their limits, and their end by a signal.

mod locks;
mod programs;
mod signals;
mod silent;

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::support::{
    eventually,
    process::{minitwit, wait},
};

/// Signals that stop a command.
pub const STOPPING: [Signal; 5] =
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGXCPU];

/// A command that runs, with its output; killed when dropped.
pub struct Running {
    name: String,
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    pub fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = minitwit(arguments);
        command.envs(variables.iter().copied());
        Self::of(command, &arguments.join(" "))
    }

    /// Starts a command, whose name begins with the subcommand.
    pub fn of(mut command: Command, name: &str) -> Self {
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let output = Arc::default();
        let readers = vec![
            collect(child.stdout.take().expect("piped"), &output),
            collect(child.stderr.take().expect("piped"), &output),
        ];
        Self { name: name.to_owned(), child, output, readers }
    }

    pub fn output(&self) -> String {
        self.output.lock().expect("no panic").clone()
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("a pid"))
    }

    /// Waits for a line with this text, and returns it. Panics if the command ends first.
    pub async fn line(&mut self, text: &str) -> String {
        let name = self.name.clone();
        eventually(&format!("{text} of {name}"), || {
            let ended = self.child.try_wait().expect("a child of ours");
            let output = self.output();
            let line = output.lines().find(|line| line.contains(text)).map(str::to_owned);
            assert!(line.is_some() || ended.is_none(), "{name}: {text:?} is not in {output}");
            async { line }
        })
        .await
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it runs");
    }

    /// Waits for the end; returns the status and the whole output.
    pub fn end(mut self) -> (ExitStatus, String) {
        let status = wait(&mut self.child);
        for reader in self.readers.drain(..) {
            reader.join().expect("no panic");
        }
        (status, self.output())
    }

    /// Sends a signal, and asserts that it ends the command: a server without an error, others with the code of the
    /// signal.
    #[track_caller]
    pub fn stopped_by(self, signal: Signal) -> String {
        self.signal(signal);
        let name = self.name.clone();
        let expected = if name.starts_with("serve") { 0 } else { 128 + signal as i32 };
        let (status, output) = self.end();
        assert_eq!(status.code(), Some(expected), "{name}, {signal}: {output}");
        assert!(output.contains(signal.as_str()), "{name}: {output}");
        output
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(pipe: impl Read + Send + 'static, output: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let output = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut text = output.lock().expect("no panic");
            text.push_str(&line);
            text.push('\n');
        }
    })
}
