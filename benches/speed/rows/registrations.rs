//! Tweets at a fixed rate, alone and while users register.

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use minitwit::seed::username;
use serde_json::Value;

use crate::{
    Failure,
    binary::minitwit,
    comparison::{Comparison, Contender, Goal, Group, Reference},
    environment::Environment,
    load::{Load, Metric, Run},
    options,
    program::Running,
};

/// Tweets and registrations per second.
const TWEETS: u64 = 1_000;
const REGISTRATIONS: u64 = 5;
/// Duration, in seconds.
const SECONDS: u64 = 60;
/// The simulator's time-out, in milliseconds.
const TIMEOUT_MS: f64 = 300.0;
/// Time-out of this client, in milliseconds: longer, to measure how late a response is.
const CLIENT_TIMEOUT_MS: &str = "10000";
/// Distance between the authors of consecutive tweets: prime, so every user gets a turn.
const STEP: u32 = 7_919;

pub fn registrations(environment: &Environment) -> Result<Group, Failure> {
    let base = format!("http://{}/sim", environment.large.server.address);
    let users = environment.large.database.volume.users;
    let alone: Run = Box::new({
        let base = base.clone();
        move |seconds| Simulation::tweets(&base, users, seconds)?.finish()
    });
    let beside: Run = Box::new(move |seconds| {
        let registrations = Simulation::registrations(&base, seconds)?;
        let tweets = Simulation::tweets(&base, users, seconds)?.finish()?;
        let slowest = registrations.finish()?.max_ms.max(tweets.max_ms);
        Ok(Load { max_ms: slowest, ..tweets })
    });
    let contenders = vec![
        Contender { name: "tweets, registrations", run: beside },
        Contender { name: "tweets alone", run: alone },
    ];
    let what = format!("{TWEETS} tweets/s beside {REGISTRATIONS} registrations/s");
    let comparison = |what, against, theirs, metric, goal| Comparison {
        what,
        against,
        ours: 0,
        theirs,
        metric,
        goal: Goal::AtMost(goal),
    };
    let comparisons = vec![
        comparison(what.clone(), "tweets alone", Reference::Contender(1), Metric::P99, 2.0),
        comparison(
            format!("{what}: the slowest of either"),
            "the simulator's time-out",
            Reference::Constant(TIMEOUT_MS),
            Metric::Max,
            1.0,
        ),
    ];
    Ok(Group { name: "registrations", contenders, comparisons, seconds: Some(SECONDS) })
}

/// A running `minitwit simulate`.
struct Simulation {
    process: Running,
    kind: &'static str,
    json: PathBuf,
}

impl Simulation {
    fn tweets(base: &str, users: u32, seconds: u64) -> Result<Self, Failure> {
        let mut scenario = String::new();
        let mut author = 0;
        for number in 0..TWEETS * seconds {
            author = (author + STEP) % users;
            let name = username(author + 1)?;
            writeln!(scenario, "{number}\t1\t0\ttweet\t{name}\tA word from {name}.")?;
        }
        Self::start("tweet", base, TWEETS, &scenario)
    }

    fn registrations(base: &str, seconds: u64) -> Result<Self, Failure> {
        // Names that no earlier round or run has used.
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let mut scenario = String::new();
        for number in 0..REGISTRATIONS * seconds {
            let user = format!("newcomer {now} {number}\t{number}@example.org\tsecret {number}");
            writeln!(scenario, "{number}\t200\t0\tregister\t{user}")?;
        }
        Self::start("register", base, REGISTRATIONS, &scenario)
    }

    fn start(kind: &'static str, base: &str, rate: u64, scenario: &str) -> Result<Self, Failure> {
        let file = |ending| options::directory().join(format!("{kind}.{ending}"));
        fs::write(file("tsv"), scenario)?;
        let (json, log) = (file("json"), fs::File::create(file("out"))?);
        let mut command = minitwit();
        command.args(["simulate", base, "--keep-alive", "--timeout", CLIENT_TIMEOUT_MS]);
        command.args(["--rate", &rate.to_string()]).arg("--scenario").arg(file("tsv"));
        command.arg("--json").arg(&json).stderr(log.try_clone()?).stdout(log);
        Ok(Self { process: Running::start(&mut command)?, kind, json })
    }

    /// Waits for its exit.
    fn finish(mut self) -> Result<Load, Failure> {
        let succeeded = self.process.wait()?;
        let outcome: Value = serde_json::from_str(&fs::read_to_string(&self.json)?)?;
        let figures = &outcome["commands"][self.kind];
        if !succeeded {
            return Err(format!("{} failed: {}", self.kind, figures["errors"]).into());
        }
        let number = |name: &str| -> Result<f64, Failure> {
            figures[name]
                .as_f64()
                .ok_or_else(|| format!("the simulator's JSON has no {name}: {figures}").into())
        };
        let seconds = outcome["duration_seconds"].as_f64().unwrap_or(f64::NAN);
        Ok(Load {
            per_second: number("count")? / seconds,
            p50_ms: number("p50_ms")?,
            p99_ms: number("p99_ms")?,
            max_ms: number("max_ms")?,
        })
    }
}
