//! Runs the program as a separate process.

use std::{
    io::{BufRead, BufReader, Lines, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread::{self, JoinHandle},
    time::Instant,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::TIMEOUT;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_minitwit");

/// The program with these arguments, and without settings from the environment.
pub fn minitwit(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("MINITWIT_") || name == "DATABASE_URL" {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// A process of `minitwit serve` on a free port; killed when dropped.
pub struct ServerProcess {
    child: Child,
    /// The base URL, such as `http://127.0.0.1:40123`.
    pub base: String,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl ServerProcess {
    /// Starts a server and waits until it prints its address; panics if it exits.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// Like [`Self::start`], with variables in its environment.
    pub fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let all = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        Self::spawn(&all, variables)
    }

    /// Starts `minitwit postgres`. The base URL is that of its health checks and metrics.
    pub fn postgres(arguments: &[&str]) -> Self {
        let own = ["postgres", "--operations-listen", "127.0.0.1:0", "--log-format", "json"];
        Self::spawn(&[&own, arguments].concat(), &[])
    }

    fn spawn(all: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = minitwit(all)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let output = Arc::new(Mutex::new(String::new()));
        let base = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let mut text = output.lock().expect("no panic");
            text.push_str(&line);
            text.push('\n');
            base(&line)
        });
        let Some(base) = base else {
            let mut errors = String::new();
            let _ = child.stderr.take().expect("piped").read_to_string(&mut errors);
            panic!("the server did not start: {errors}{}", output.lock().expect("no panic"));
        };
        let errors = BufReader::new(child.stderr.take().expect("piped")).lines();
        let readers = vec![collect_lines(lines, &output), collect_lines(errors, &output)];
        Self { child, base, output, readers }
    }

    /// The output so far: standard output and standard error.
    pub fn output(&self) -> String {
        self.output.lock().expect("no panic").clone()
    }

    /// The whole output of a program that has ended.
    pub fn complete_output(&mut self) -> String {
        for reader in self.readers.drain(..) {
            reader.join().expect("no panic");
        }
        self.output()
    }

    /// Stops reading the program's output until the returned sender is dropped.
    pub fn stall(&self) -> mpsc::Sender<()> {
        let output = Arc::clone(&self.output);
        let ((stalled, is_stalled), (end, has_ended)) = (mpsc::channel(), mpsc::channel());
        thread::spawn(move || {
            let _blocks_the_reader = output.lock().expect("no panic");
            let _ = stalled.send(());
            let _ = has_ended.recv();
        });
        is_stalled.recv().expect("locked");
        end
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("a pid"))
    }

    /// Sends a signal and waits for the exit.
    pub fn end(&mut self, signal: Signal) -> ExitStatus {
        kill(self.pid(), signal).expect("it runs");
        self.wait()
    }

    pub fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a thread that appends these lines to `output` as they arrive.
fn collect_lines(
    lines: Lines<impl BufRead + Send + 'static>,
    output: &Arc<Mutex<String>>,
) -> JoinHandle<()> {
    let output = Arc::clone(output);
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let mut text = output.lock().expect("no panic");
            text.push_str(&line);
            text.push('\n');
        }
    })
}

/// The base URL in a line of the server's log (text or JSON), if any.
fn base(line: &str) -> Option<String> {
    if let Ok(event) = serde_json::from_str::<serde_json::Value>(line) {
        return (event["message"] == "serving")
            .then(|| event["base"].as_str().map(str::to_owned))?;
    }
    Some(line.trim().strip_prefix("pages")?.trim().trim_end_matches('/').to_owned())
}

/// Starts a server that waits for migrations. The returned function reads the log up to the next line that contains a
/// text, and returns that line.
pub fn waiting_server(database_url: &str) -> (Child, impl FnMut(&str) -> String + use<>) {
    let wait = ["serve", "--listen", "127.0.0.1:0", "--no-migrate", "--await-migrations", "600"];
    let mut command = minitwit(&wait);
    command.args(["--database-url", database_url]).stdout(Stdio::piped());
    let mut server = command.spawn().expect("it starts");
    let mut log = BufReader::new(server.stdout.take().expect("it is piped")).lines();
    let read_to = move |text: &str| {
        let line = log.find(|line| line.as_ref().expect("a line").contains(text));
        line.unwrap_or_else(|| panic!("the log does not contain {text:?}")).expect("a line")
    };
    (server, read_to)
}

/// Waits for the exit of a process; panics at the time-out.
pub fn wait(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return status;
        }
        assert!(begun.elapsed() < TIMEOUT, "the process did not end");
        thread::park_timeout(std::time::Duration::from_millis(20));
    }
}
