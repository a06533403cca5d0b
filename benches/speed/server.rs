//! MiniTwit itself, as it is released: `minitwit serve` with its default settings and its log.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Command, Stdio},
};

use minitwit::seed::Volume;

use crate::{
    Failure,
    cluster::Database,
    options,
    program::{self, Running},
};

/// The program, built as it is released.
const PROGRAM: &str = env!("CARGO_BIN_EXE_minitwit");
/// The server's connections to its database, by default.
pub const DATABASE_CONNECTIONS: u16 = 16;

/// The program without any of this process's settings.
pub fn minitwit() -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("MINITWIT_") || text == "DATABASE_URL" {
            command.env_remove(&name);
        }
    }
    command
}

/// Fills a database, showing the progress.
pub fn seed(url: &str, volume: Volume) -> Result<(), Failure> {
    let Volume { users, messages, follows, seed } = volume;
    let numbers = [
        format!("--users={users}"),
        format!("--messages={messages}"),
        format!("--follows={follows}"),
        format!("--seed={seed}"),
    ];
    let status =
        minitwit().args(["seed", "--yes", "--database-url", url]).args(numbers).status()?;
    if status.success() { Ok(()) } else { Err("minitwit seed failed".into()) }
}

/// A server on a database.
pub struct Server {
    process: Running,
    /// Where it serves, such as `127.0.0.1:40123`.
    pub address: String,
}

impl Server {
    /// Starts it on any free port, and returns once it serves.
    pub fn start(database: &Database) -> Result<Self, Failure> {
        let log: PathBuf = options::directory().join(format!("{}.log", database.name));
        let mut command = minitwit();
        command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", &database.url()]);
        command.stdout(File::create(&log)?).stderr(Stdio::inherit());
        let mut process = Running::start(&mut command)?;
        let address = program::eventually("the server serves", || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let base = text.lines().find_map(|line| line.trim().strip_prefix("pages"))?;
            let dead = !process.is_alive();
            (!dead).then(|| base.trim().trim_start_matches("http://").trim_end_matches('/').into())
        })?;
        Ok(Self { process, address })
    }

    /// The most memory that it ever had, in MiB.
    pub fn peak_memory(&self) -> Result<f64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        Ok(kibibytes.ok_or("the kernel tells no VmHWM")?.trim().parse::<f64>()? / 1024.0)
    }
}
