//! pgbench: repeats one prepared statement over the Unix socket that the server uses.

use std::{fs, path::Path, process::Command};

use minitwit::seed::FIRST_NAMES;

use crate::{Failure, database::Database, load::Load, options, program, wrk::random_seed};

/// Beginning of every script: two different random users.
const RANDOM_USERS: &str = "\\set user random(1, :users)
\\set other (:user + random(0, :users - 2)) % :users + 1
";

/// SQL expression for the name of the user whose number is in a pgbench variable (pgbench variables are numbers). It
/// costs less than a microsecond a transaction.
pub fn name_of(variable: &str) -> String {
    let quoted = FIRST_NAMES.map(|name| format!("'{}'", name.replace('\'', "''")));
    format!(
        "((ARRAY[{}])[1 + :{variable} % 10] || ' ' || lpad(:{variable}::text, 6, '0'))",
        quoted.join(", ")
    )
}

/// A load of one SQL statement on a database.
pub struct Pgbench {
    pub database: Database,
    /// Name of this load's files.
    pub name: &'static str,
    /// The statement; `:user` and `:other` are random user numbers.
    pub statement: String,
    pub clients: u32,
    /// Logs the latency of each transaction; otherwise only the rate is known.
    pub latencies: bool,
}

impl Pgbench {
    /// Repeats the statement in a closed loop for this many seconds.
    pub fn run(&self, seconds: u64) -> Result<Load, Failure> {
        let directory = options::directory().join("pgbench");
        fs::create_dir_all(&directory)?;
        let script = directory.join(format!("{}.sql", self.name));
        fs::write(&script, format!("{RANDOM_USERS}{};\n", self.statement))?;
        remove_logs(&directory)?;
        let text = program::output(
            Command::new(program::find("pgbench")?)
                .current_dir(&directory)
                .args(["--protocol", "prepared", "--no-vacuum"])
                .args(self.latencies.then_some("--log"))
                .args(["--jobs", "1", "--client", &self.clients.to_string()])
                .args(["--time", &seconds.to_string()])
                .args(["--random-seed", &random_seed().to_string()])
                .args(["--define", &format!("users={}", self.database.volume.users)])
                .args(["--username", self.database.user(), "--host"])
                .arg(self.database.socket())
                .arg("--file")
                .arg(&script)
                .arg(self.database.name)
                .env("PGCLIENTENCODING", "UTF8"),
        )?;
        let rate = text.lines().find_map(|line| line.strip_prefix("tps = "));
        let rate =
            rate.and_then(|rate| rate.split(' ').next()).ok_or("pgbench printed no rate (tps)")?;
        let latencies = logged_latencies(&directory)?;
        let percentile = |part: f64| {
            let index = (latencies.len() as f64 * part) as usize;
            latencies.get(index).or(latencies.last()).copied().unwrap_or(f64::NAN)
        };
        Ok(Load {
            per_second: rate.parse()?,
            p50_ms: percentile(0.5),
            p99_ms: percentile(0.99),
            max_ms: percentile(1.0),
        })
    }
}

fn logs(directory: &Path) -> Result<Vec<std::path::PathBuf>, Failure> {
    let entries = fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
    let paths = entries.into_iter().map(|entry| entry.path());
    let is_log = |path: &std::path::PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pgbench_log"))
    };
    Ok(paths.filter(is_log).collect())
}

fn remove_logs(directory: &Path) -> Result<(), Failure> {
    Ok(logs(directory)?.into_iter().try_for_each(fs::remove_file)?)
}

/// Latencies of all transactions in milliseconds, sorted.
fn logged_latencies(directory: &Path) -> Result<Vec<f64>, Failure> {
    let mut latencies = Vec::new();
    for log in logs(directory)? {
        let text = fs::read_to_string(log)?;
        // client, number, microseconds, script, time
        let microseconds = text.lines().filter_map(|line| line.split(' ').nth(2)?.parse().ok());
        latencies.extend(microseconds.map(|value: f64| value / 1e3));
    }
    remove_logs(directory)?;
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}
