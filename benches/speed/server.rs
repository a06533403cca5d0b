//! A server: the release build of `minitwit serve`, with default settings and its log.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Stdio,
};

use crate::{
    Failure,
    binary::minitwit,
    database::Database,
    options,
    program::{self, Running},
};

/// Default number of the server's database connections.
pub const DATABASE_CONNECTIONS: u16 = 16;

/// A server on a database.
pub struct Server {
    process: Running,
    /// Its address, such as `127.0.0.1:40123`.
    pub address: String,
}

impl Server {
    /// Starts a server on a free port and waits until it serves.
    pub fn start(database: &Database) -> Result<Self, Failure> {
        let log: PathBuf = options::directory().join(format!("{}.log", database.name));
        let mut command = minitwit();
        command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", &database.url()]);
        command.stdout(File::create(&log)?).stderr(Stdio::inherit());
        let mut process = Running::start(&mut command)?;
        let address = program::eventually("the server serves", || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let base = text.lines().find_map(|line| line.trim().strip_prefix("pages"))?;
            process
                .is_alive()
                .then(|| base.trim().trim_start_matches("http://").trim_end_matches('/').into())
        })?;
        Ok(Self { process, address })
    }

    /// Peak memory, in MiB.
    pub fn peak_memory(&self) -> Result<f64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        Ok(kibibytes.ok_or("/proc/PID/status has no VmHWM")?.trim().parse::<f64>()? / 1024.0)
    }
}
