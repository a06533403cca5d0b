//! The simulator beside clients that repeat one costly read.

use std::time::{SystemTime, UNIX_EPOCH};

use minitwit::seed::username;

use super::home;
use crate::{
    Failure,
    comparison::{Comparison, Contender, Goal, Group, Reference},
    environment::Environment,
    load::{Load, Metric, Run},
    readers::Readers,
    simulation::Simulation,
    wrk::encoded,
};

/// Commands per second.
const RATE: &str = "50";
/// Duration, in seconds.
const SECONDS: u64 = 60;
/// The kinds whose latency counts. bcrypt dominates that of registrations, but they must not fail either.
const KINDS: &[&str] = &["tweet", "follow", "unfollow"];
/// 20 of the commonest words of seeded messages.
const WORDS: &str = "the of and to a in is it you that he was for on are with as his they be";

pub fn isolation(environment: &Environment) -> Result<Group, Failure> {
    let address = &environment.large.server.address;
    let reader = username(environment.large.database.volume.reader())?;
    let cookie = environment.http.sign_in(address, reader.as_str())?;
    // Checks that it is signed in.
    home::requests(environment, &environment.large)?;
    let search = format!("/api/v1/search?kind=messages&limit=100&q={}", encoded(WORDS));
    let popular = encoded(username(1)?.as_str());
    let followers = format!("/api/v1/users/{popular}/followers?limit=100");
    let beside = |path: &str, cookie: &str| -> Run {
        let (address, path, cookie) = (address.clone(), path.to_owned(), cookie.to_owned());
        Box::new(move |seconds| simulate_beside(&address, &path, &cookie, seconds))
    };
    let contenders = vec![
        Contender { name: "beside /healthz", run: beside("/healthz", "") },
        Contender { name: "beside searches", run: beside(&search, "") },
        Contender { name: "beside timelines", run: beside("/", &cookie) },
        Contender { name: "beside lists", run: beside(&followers, "") },
    ];
    let reads = ["searches for 20 words", "own timelines, following 500", "lists of followers"];
    let comparisons = (1..).zip(reads).map(|(ours, reads)| Comparison {
        what: format!("simulator at {RATE}/s beside 32 clients reading {reads}; none fails"),
        against: "beside them reading `/healthz`",
        ours,
        theirs: Reference::Contender(0),
        metric: Metric::P99,
        goal: Goal::AtMost(3.0),
    });
    let comparisons = comparisons.collect();
    Ok(Group { name: "isolation", contenders, comparisons, seconds: Some(SECONDS) })
}

/// Runs the simulator as the real one: one connection per command, and a time-out of 300 ms.
fn simulate_beside(address: &str, path: &str, cookie: &str, seconds: u64) -> Result<Load, Failure> {
    // Names that no earlier round or run has used.
    let seed = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis().to_string();
    let readers = Readers::start(format!("http://{address}{path}"), cookie.to_owned())?;
    let duration = seconds.to_string();
    let arguments = ["--rate", RATE, "--duration", &duration, "--seed", &seed];
    let base = format!("http://{address}/sim");
    let load = Simulation::start("isolation", &base, KINDS, &arguments)?.finish();
    let (answered, rejected) = readers.finish()?;
    eprintln!("  {path:.40}: {answered} reads answered, {rejected} rejected");
    load
}
