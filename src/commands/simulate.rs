//! `minitwit simulate`: plays a scenario against a MiniTwit, checks the contract, or compares reports,
//! and writes the reports.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use serde_json::json;
use simulator::{
    Access, CheckSettings, Pace, Plan, Recorder, Registrations, Scenario, Settings, SideBySide,
};
use tokio_util::sync::CancellationToken;

use super::{
    Failure,
    open_files::raise_file_limit,
    stop::{Stop, tell},
};
use crate::config::{
    PaceArgs, SimulateArgs, SimulateTask, SimulatorCredentialArgs, SourceArgs, VerifyArgs,
};

/// Commands of a generated scenario, if neither `--commands` nor a rate and a duration is given.
const DEFAULT_COMMANDS: u32 = 10_000;
/// By default 1 % of the generated commands register a user, as in the real scenario.
const COMMANDS_PER_USER: u32 = 100;
/// The fewest users by default: commands of few users wait for each other.
const MIN_USERS: u32 = 10;
/// A registration phase has as many users as the commands of one second, up to this number, because
/// each registration takes tens of milliseconds of processor time.
const MAX_USERS_FOR_RATE: f64 = 100.0;
/// The exit code of a program that Ctrl-C ended, by the shells' convention: 128 + SIGINT.
const INTERRUPTED: u8 = 130;

#[derive(Debug, thiserror::Error)]
#[error("--scenario")]
struct InvalidScenario(#[source] simulator::ScenarioError);

/// A report file, created before the run, so that a wrong path fails at once.
struct Output(Option<(PathBuf, File)>);

impl Output {
    fn open(flag: &str, path: Option<&PathBuf>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self(None)) };
        let file = File::create(path).map_err(|error| path_failure(flag, path, error))?;
        Ok(Self(Some((path.clone(), file))))
    }

    fn write(self, text: impl FnOnce() -> Result<String, Failure>) -> Result<(), Failure> {
        let Some((path, mut file)) = self.0 else { return Ok(()) };
        let written = file.write_all(text()?.as_bytes());
        written.map_err(|error| format!("{}: {error}", path.display()).into())
    }
}

fn path_failure(flag: &str, path: &Path, error: impl std::fmt::Display) -> Failure {
    format!("{flag} {}: {error}", path.display()).into()
}

pub(super) fn run(settings: &SimulateArgs, stop: &Stop) -> Result<ExitCode, Failure> {
    if let Some(SimulateTask::Compare { reports, report }) = &settings.task {
        return compare(reports, report.as_ref());
    }
    if let Some(SimulateTask::Verify(settings)) = &settings.task {
        return verify_record(settings, stop);
    }
    // Required unless there is a task.
    let base_url = settings.base_url.as_deref().unwrap_or_default();
    if settings.check.check {
        check(settings, base_url, stop)
    } else {
        play(settings, base_url, stop)
    }
}

/// Shows reports side by side.
fn compare(files: &[PathBuf], page: Option<&PathBuf>) -> Result<ExitCode, Failure> {
    let side_by_side = SideBySide::read(files)?;
    let page = Output::open("--report", page)?;
    print!("{}", side_by_side.table());
    page.write(|| Ok(side_by_side.page()?))?;
    Ok(ExitCode::SUCCESS)
}

/// Compares a system with the record of a run.
fn verify_record(settings: &VerifyArgs, stop: &Stop) -> Result<ExitCode, Failure> {
    let scenario = Scenario::read(&settings.scenario).map_err(InvalidScenario)?;
    let access = access(&settings.base_url, &settings.credentials);
    let verified = |token| {
        simulator::verify_record(&access, scenario, &settings.record, settings.until, token)
    };
    let (verification, interrupted) = until_stopped(stop, verified)?;
    print!("{}", simulator::verification_table(&verification));
    Ok(exit_code(verification.passed(), interrupted))
}

fn access(base_url: &str, credentials: &SimulatorCredentialArgs) -> Access {
    Access {
        base_url: base_url.to_owned(),
        username: credentials.simulator_username.clone(),
        password: credentials.password().expose().to_owned(),
    }
}

/// Checks the rules of the contract.
fn check(settings: &SimulateArgs, base_url: &str, stop: &Stop) -> Result<ExitCode, Failure> {
    let json = Output::open("--json", settings.reports.json.as_ref())?;
    let check_settings = CheckSettings {
        base_url: base_url.to_owned(),
        username: settings.credentials.simulator_username.clone(),
        password: settings.credentials.password().expose().to_owned(),
        keep_alive: settings.requests.keep_alive,
        restart_command: settings.check.restart_command.clone(),
    };
    let (report, interrupted) =
        until_stopped(stop, |token| simulator::check(check_settings, token))?;
    print!("{}", simulator::check_table(&report));
    json.write(|| Ok(format!("{:#}\n", simulator::check_json(&report))))?;
    Ok(exit_code(report.passed(), interrupted))
}

/// Plays a scenario.
fn play(settings: &SimulateArgs, base_url: &str, stop: &Stop) -> Result<ExitCode, Failure> {
    raise_file_limit();
    let seed = settings.source.seed.unwrap_or_else(simulator::draw_seed);
    let scenario = scenario(&settings.source, &settings.pace, seed)?;
    let json = Output::open("--json", settings.reports.json.as_ref())?;
    let report = Output::open("--report", settings.reports.report.as_ref())?;
    if settings.source.scenario.is_none() && settings.source.seed.is_none() {
        eprintln!("minitwit: drew the seed {seed}; --seed {seed} plays the same commands again");
    }
    let record = settings.reports.record.as_deref().map(|path| {
        let created = Recorder::create(path);
        created.map_err(|error| path_failure("--record", path, error))
    });
    let record = record.transpose()?.map(Arc::new);
    let play_settings =
        Settings { record, ..simulator_settings(settings, base_url, &scenario, seed) };
    let (run, interrupted) =
        until_stopped(stop, |token| simulator::run(play_settings, scenario, token))?;
    print!("{}", simulator::table(&run));
    json.write(|| Ok(format!("{:#}\n", simulator::json(&run))))?;
    report.write(|| Ok(simulator::page(&run)?))?;
    Ok(exit_code(run.passed(), interrupted))
}

/// Runs a task to its end, or until a stop signal, so that the run still reports. A second signal exits at
/// once. Also returns whether the task was stopped.
fn until_stopped<T, E, F>(
    stop: &Stop,
    task: impl FnOnce(CancellationToken) -> F,
) -> Result<(T, bool), Failure>
where
    Failure: From<E>,
    F: Future<Output = Result<T, E>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        stop.take_over();
        let token = CancellationToken::new();
        tokio::spawn(cancel(stop.clone(), token.clone()));
        let result = task(token.clone()).await?;
        Ok((result, token.is_cancelled()))
    })
}

fn exit_code(passed: bool, interrupted: bool) -> ExitCode {
    if interrupted {
        ExitCode::from(INTERRUPTED)
    } else if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn scenario(source: &SourceArgs, pace: &PaceArgs, seed: u64) -> Result<Scenario, Failure> {
    if let Some(path) = &source.scenario {
        return Ok(Scenario::read(path).map_err(InvalidScenario)?);
    }
    let timed = timed_commands(pace);
    let commands = source.commands.or(timed).unwrap_or(DEFAULT_COMMANDS);
    let users = source.users.unwrap_or_else(|| default_users(commands, source, pace));
    // The registrations come before the time that the commands fill.
    let commands = match (source.commands, timed) {
        (None, Some(timed)) => timed.saturating_add(users),
        _ => commands,
    };
    let plan = Plan {
        seed,
        users: users as usize,
        commands: commands as usize,
        registrations: match register_first(source, pace) {
            true => Registrations::First,
            false => Registrations::Anywhere,
        },
    };
    let scenario = simulator::generate(plan)?;
    if let Some(path) = &source.write_scenario {
        let write = || scenario.write(BufWriter::new(File::create(path)?));
        write().map_err(|error| path_failure("--write-scenario", path, error))?;
    }
    Ok(scenario)
}

/// The number of users of a scenario with this many commands.
fn default_users(commands: u32, source: &SourceArgs, pace: &PaceArgs) -> u32 {
    let highest_rate = pace.ramp.map(|ramp| ramp.from.max(ramp.to)).or(pace.rate);
    let for_rate = highest_rate.map_or(0, |rate| rate.min(MAX_USERS_FOR_RATE).ceil() as u32);
    let fewest = MIN_USERS.max(for_rate);
    // Registrations are a part of `--commands`, and come before the commands of `--duration`.
    let part = source.commands.is_some() || timed_commands(pace).is_none();
    let fewest = if part { fewest.min(commands / 4) } else { fewest };
    (commands / COMMANDS_PER_USER).max(fewest).max(1)
}

/// The number of commands that fit the rate and the duration, if both are given.
fn timed_commands(pace: &PaceArgs) -> Option<u32> {
    let mean = pace.ramp.map(|ramp| f64::midpoint(ramp.from, ramp.to)).or(pace.rate)?;
    Some((mean * pace.duration?.as_secs_f64()).ceil().max(1.0) as u32)
}

/// Whether there is a registration phase. A scenario file is played as written, unless the flag is
/// given: its registrations may be what is measured.
fn register_first(source: &SourceArgs, pace: &PaceArgs) -> bool {
    let at_rate = pace.rate.is_some() || pace.ramp.is_some();
    pace.register_first || (at_rate && source.scenario.is_none())
}

fn simulator_settings(
    settings: &SimulateArgs,
    base_url: &str,
    scenario: &Scenario,
    seed: u64,
) -> Settings {
    let SimulateArgs { source, pace, requests, credentials, reports, .. } = settings;
    Settings {
        access: access(base_url, credentials),
        record: None,
        pace: simulator_pace(pace),
        duration: pace.duration,
        timeout: requests.timeout,
        register_first: register_first(source, pace),
        // The names of a drawn seed are new.
        users_may_exist: source.scenario.is_some() || source.seed.is_some(),
        keep_alive: requests.keep_alive,
        verify: reports.verify,
        described: describe(settings, scenario, seed),
    }
}

fn simulator_pace(pace: &PaceArgs) -> Pace {
    match (pace.ramp, pace.rate) {
        (Some(ramp), _) => {
            // `--ramp` requires `--duration`.
            let over = pace.duration.unwrap_or(Duration::from_secs(1));
            Pace::Ramp { from: ramp.from, to: ramp.to, over }
        }
        (None, Some(rate)) => Pace::Rate(rate),
        (None, None) => Pace::Concurrency(pace.concurrency.into()),
    }
}

/// The settings that the reports show: all but the credentials.
fn describe(
    settings: &SimulateArgs,
    scenario: &Scenario,
    seed: u64,
) -> Vec<(&'static str, serde_json::Value)> {
    let SimulateArgs { source, pace, requests, reports, .. } = settings;
    let mut described = match &source.scenario {
        Some(path) => vec![("scenario", json!(path.display().to_string()))],
        None => vec![("seed", json!(seed))],
    };
    described.push(("users", json!(scenario.users().len())));
    described.push(("commands", json!(scenario.commands().len())));
    described.push(match (pace.ramp, pace.rate) {
        (Some(ramp), _) => ("ramp", json!([ramp.from, ramp.to])),
        (None, Some(rate)) => ("rate", json!(rate)),
        (None, None) => ("concurrency", json!(pace.concurrency)),
    });
    described.extend([
        ("register_first", json!(register_first(source, pace))),
        ("duration_seconds", json!(pace.duration.map(|it| it.as_secs()))),
        ("timeout_ms", json!(requests.timeout.as_millis() as u64)),
        ("keep_alive", json!(requests.keep_alive)),
        ("verify", json!(reports.verify)),
        ("version", json!(env!("CARGO_PKG_VERSION"))),
    ]);
    described
}

async fn cancel(stop: Stop, token: CancellationToken) {
    stop.first().await;
    tell("stopping; press Ctrl-C again to exit at once");
    token.cancel();
    stop.second().await;
    std::process::exit(INTERRUPTED.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Ramp;

    /// The numbers of registrations and of other commands of a scenario.
    fn planned(commands: Option<u32>, users: Option<u32>, pace: &PaceArgs) -> (usize, usize) {
        let source =
            SourceArgs { scenario: None, seed: None, users, commands, write_scenario: None };
        let scenario = scenario(&source, pace, 1).expect("a scenario");
        let users = scenario.users().len();
        (users, scenario.commands().len() - users)
    }

    fn pace(rate: Option<f64>, ramp: Option<Ramp>, seconds: u64) -> PaceArgs {
        let duration = (seconds > 0).then(|| Duration::from_secs(seconds));
        PaceArgs { concurrency: 1, rate, ramp, duration, register_first: false }
    }

    #[test]
    fn a_short_run_has_enough_users_that_few_commands_wait() {
        let unpaced = || pace(None, None, 0);
        let rate = |rate, seconds| pace(Some(rate), None, seconds);
        let ramp = |from, to, seconds| pace(None, Some(Ramp { from, to }), seconds);
        for (commands, users, pace, expected) in [
            (None, None, unpaced(), (100, 9_900)),
            (Some(1_000), None, unpaced(), (10, 990)),
            (Some(20), None, unpaced(), (5, 15)),
            (Some(1), None, unpaced(), (1, 0)),
            (None, None, rate(50.0, 10), (50, 500)),
            (None, None, rate(5.0, 10), (10, 50)),
            (None, None, rate(100.0, 300), (300, 30_000)),
            (None, None, ramp(10.0, 500.0, 10), (100, 2_550)),
            (Some(100), None, rate(400.0, 0), (25, 75)),
            (None, Some(3), rate(50.0, 10), (3, 500)),
        ] {
            assert_eq!(planned(commands, users, &pace), expected, "{commands:?} {pace:?}");
        }
    }
}
