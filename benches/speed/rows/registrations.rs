//! Tweets at a fixed rate, alone and while users register.

use std::{
    fmt::Write as _,
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use minitwit::seed::username;

use crate::{
    Failure,
    comparison::{Comparison, Contender, Goal, Group, Reference},
    environment::Environment,
    load::{Load, Metric, Run},
    options,
    simulation::Simulation,
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
        move |seconds| tweets(&base, users, seconds)?.finish()
    });
    let beside: Run = Box::new(move |seconds| {
        let registering = registrations_at(&base, seconds)?;
        let tweeting = tweets(&base, users, seconds)?.finish()?;
        let slowest = registering.finish()?.max_ms.max(tweeting.max_ms);
        Ok(Load { max_ms: slowest, ..tweeting })
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

fn tweets(base: &str, users: u32, seconds: u64) -> Result<Simulation, Failure> {
    let mut scenario = String::new();
    let mut author = 0;
    for number in 0..TWEETS * seconds {
        author = (author + STEP) % users;
        let name = username(author + 1)?;
        writeln!(scenario, "{number}\t1\t0\ttweet\t{name}\tA word from {name}.")?;
    }
    start("tweet", base, &["tweet"], TWEETS, &scenario)
}

fn registrations_at(base: &str, seconds: u64) -> Result<Simulation, Failure> {
    // Names that no earlier round or run has used.
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let mut scenario = String::new();
    for number in 0..REGISTRATIONS * seconds {
        let user = format!("newcomer {now} {number}\t{number}@example.org\tsecret {number}");
        writeln!(scenario, "{number}\t200\t0\tregister\t{user}")?;
    }
    start("register", base, &["register"], REGISTRATIONS, &scenario)
}

fn start(
    name: &str,
    base: &str,
    kinds: &'static [&'static str],
    rate: u64,
    scenario: &str,
) -> Result<Simulation, Failure> {
    let file = options::directory().join(format!("{name}.tsv"));
    fs::write(&file, scenario)?;
    let (rate, file) = (rate.to_string(), file.display().to_string());
    let arguments = ["--keep-alive", "--timeout", CLIENT_TIMEOUT_MS, "--rate", &rate, "--scenario"];
    Simulation::start(name, base, kinds, &[&arguments[..], &[&file]].concat())
}
