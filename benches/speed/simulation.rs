//! A running `minitwit simulate`.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::{Failure, binary::minitwit, load::Load, options, program::Running};

/// A running `minitwit simulate`.
pub struct Simulation {
    process: Running,
    kinds: &'static [&'static str],
    json: PathBuf,
}

impl Simulation {
    /// Starts it with these arguments, for the figures of these kinds of commands.
    pub fn start(
        name: &str,
        base: &str,
        kinds: &'static [&'static str],
        arguments: &[&str],
    ) -> Result<Self, Failure> {
        let file = |ending| options::directory().join(format!("{name}.{ending}"));
        let (json, log) = (file("json"), fs::File::create(file("out"))?);
        let mut command = minitwit();
        command.args(["simulate", base]).args(arguments);
        command.arg("--json").arg(&json).stderr(log.try_clone()?).stdout(log);
        Ok(Self { process: Running::start(&mut command)?, kinds, json })
    }

    /// Waits for its exit. Returns the count of the commands and the worst latencies of any kind, or
    /// an error if a command failed.
    pub fn finish(mut self) -> Result<Load, Failure> {
        let succeeded = self.process.wait()?;
        let outcome: Value = serde_json::from_str(&fs::read_to_string(&self.json)?)?;
        let commands = &outcome["commands"];
        if !succeeded {
            return Err(format!("commands failed: {commands}").into());
        }
        let numbers = |name: &str| -> Result<Vec<f64>, Failure> {
            let number = |kind: &&str| commands[*kind][name].as_f64();
            let numbers: Option<Vec<f64>> = self.kinds.iter().map(number).collect();
            numbers.ok_or_else(|| format!("the simulator's JSON has no {name}: {commands}").into())
        };
        let greatest = |name| -> Result<f64, Failure> {
            Ok(numbers(name)?.into_iter().fold(f64::NAN, f64::max))
        };
        let seconds = outcome["duration_seconds"].as_f64().unwrap_or(f64::NAN);
        Ok(Load {
            per_second: numbers("count")?.iter().sum::<f64>() / seconds,
            p50_ms: greatest("p50_ms")?,
            p99_ms: greatest("p99_ms")?,
            max_ms: greatest("max_ms")?,
        })
    }
}
