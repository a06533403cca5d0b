//! A running `minitwit import`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{Failure, binary::minitwit, database::Database, options, program::Running};

const POLL: Duration = Duration::from_millis(20);
/// Longer than any step.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A running `minitwit import`; dropping it stops the import.
pub struct Importing {
    process: Running,
    log: PathBuf,
}

impl Importing {
    /// Starts an import of the users and messages of an SQLite file. `source` names it in repeated imports.
    pub fn start(database: &Database, file: &Path, source: &str) -> Result<Self, Failure> {
        let log = options::directory().join("import.log");
        let mut command = minitwit();
        command.args(["import", "sqlite"]).arg(file).args(["--source", source]);
        command.args(["--log-format", "json", "--database-url", &database.url()]);
        let output = File::create(&log)?;
        command.stdout(output.try_clone()?).stderr(output);
        Ok(Self { process: Running::start(&mut command)?, log })
    }

    /// Waits for the end of a step. Returns its records per second.
    pub fn rate_of(&mut self, step: &str) -> Result<f64, Failure> {
        let begun = Instant::now();
        while begun.elapsed() < TIMEOUT {
            // Read before the log, which is complete once the process has ended.
            let alive = self.process.is_alive();
            let text = fs::read_to_string(&self.log)?;
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let field = |line: &Value, name: &str| {
                line.pointer(&format!("/fields/{name}")).or(line.get(name)).cloned()
            };
            for line in lines {
                if field(&line, "step") == Some(step.into()) {
                    let number = |name| field(&line, name).and_then(|value| value.as_f64());
                    let (records, milliseconds) = (number("records"), number("milliseconds"));
                    let rate =
                        records.zip(milliseconds).map(|(records, time)| records / time * 1e3);
                    return rate.ok_or_else(|| format!("the step has no figures: {line}").into());
                }
            }
            if !alive {
                return Err(format!("the import has ended before {step}: {text}").into());
            }
            std::thread::sleep(POLL);
        }
        Err(format!("not within {} s: {step}", TIMEOUT.as_secs()).into())
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Result<(), Failure> {
        if self.process.wait()? { Ok(()) } else { Err(fs::read_to_string(&self.log)?.into()) }
    }
}
