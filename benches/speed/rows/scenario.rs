//! The simulator's scenario, played by one client that opens a connection for each command, as the real one does.

use std::{fmt::Write as _, fs, path::Path, process::Command, time::Instant};

use minitwit::seed::username;

use super::one_connection::latest_statement;
use crate::{
    Failure,
    comparison::{Comparison, Contender, Goal, Group, Reference},
    database::Database,
    environment::Environment,
    load::{Load, Metric, Run},
    options, program,
    simulation::Simulation,
};

/// Commands of the scenario. 44 % are tweets, 38 % follows and 18 % unfollows, as in the real one.
const COMMANDS: u32 = 5_000;
/// Distances between consecutive users: primes, so every user gets a turn.
const STEP: u32 = 7_919;
const OTHER_STEP: u32 = 104_729;

/// A command without its number.
enum Action {
    Tweet,
    Follow,
    Unfollow,
}

/// The action of the command with this number. Each unfollow ends the follow before it.
fn action(number: u32) -> Action {
    match number % 50 {
        0..=21 => Action::Tweet,
        22..=31 => Action::Follow,
        rest if rest % 2 == 0 => Action::Follow,
        _ => Action::Unfollow,
    }
}

pub fn scenario(environment: &Environment) -> Result<Group, Failure> {
    let database = environment.large.database.clone();
    let users = database.volume.users;
    let directory = options::directory();
    let (file, statements) = (directory.join("scenario.tsv"), directory.join("scenario.sql"));
    let (commands, sql) = (commands(users)?, statements_of(users)?);
    fs::write(&file, commands)?;
    fs::write(&statements, sql)?;
    let base = format!("http://{}/sim", environment.large.server.address);
    let ours: Run = Box::new(move |_| play(&base, &file));
    let theirs: Run = Box::new(move |_| execute(&database, &statements));
    let contenders =
        vec![Contender { name: "minitwit", run: ours }, Contender { name: "psql", run: theirs }];
    let comparison = Comparison {
        what: "the scenario, one client, one connection a command, each with `latest`".to_owned(),
        against: "psql, its bare statements over one connection",
        ours: 0,
        theirs: Reference::Contender(1),
        metric: Metric::Rate,
        goal: Goal::AtLeast(0.5),
    };
    Ok(Group { name: "scenario", contenders, comparisons: vec![comparison], seconds: None })
}

/// The acting user and the other one of each command. An unfollow has those of the command before it.
fn pair(number: u32, users: u32) -> Result<[String; 2], Failure> {
    let turn = match action(number) {
        Action::Unfollow => number - 1,
        _ => number,
    };
    let user = turn.wrapping_mul(STEP) % users;
    let other = (user + 1 + turn.wrapping_mul(OTHER_STEP) % (users - 1)) % users;
    Ok([username(user + 1)?.to_string(), username(other + 1)?.to_string()])
}

fn commands(users: u32) -> Result<String, Failure> {
    let mut lines = String::new();
    for number in 0..COMMANDS {
        let [user, other] = pair(number, users)?;
        match action(number) {
            Action::Tweet => writeln!(lines, "{number}\t1\t0\ttweet\t{user}\t{}", text(&other))?,
            Action::Follow => writeln!(lines, "{number}\t1\t0\tfollow\t{user}\t{other}")?,
            Action::Unfollow => writeln!(lines, "{number}\t1\t0\tunfollow\t{user}\t{other}")?,
        }
    }
    Ok(lines)
}

fn text(other: &str) -> String {
    format!(
        "The man put some of the money of {other} in his pocket, and went home by the long way."
    )
}

/// The statements of the same commands, each followed by the write of `latest`.
fn statements_of(users: u32) -> Result<String, Failure> {
    let user = |parameter| format!("(SELECT user_id FROM users WHERE username = ${parameter})");
    let (first, second) = (user(1), user(2));
    let latest = latest_statement()?.replace(":user", "$1");
    let mut lines = format!(
        "PREPARE tweet(text, text) AS
             INSERT INTO messages (author_id, text) SELECT user_id, $2 FROM users WHERE username = $1;
         PREPARE follow(text, text) AS
             INSERT INTO follows (follower_id, followee_id) SELECT {first}, {second} ON CONFLICT DO NOTHING;
         PREPARE unfollow(text, text) AS
             DELETE FROM follows WHERE follower_id = {first} AND followee_id = {second};
         PREPARE latest(bigint) AS {latest};\n"
    );
    for number in 0..COMMANDS {
        let [user, other] = pair(number, users)?.map(|name| name.replace('\'', "''"));
        match action(number) {
            Action::Tweet => writeln!(lines, "EXECUTE tweet('{user}', '{}');", text(&other))?,
            Action::Follow => writeln!(lines, "EXECUTE follow('{user}', '{other}');")?,
            Action::Unfollow => writeln!(lines, "EXECUTE unfollow('{user}', '{other}');")?,
        }
        writeln!(lines, "EXECUTE latest({number});")?;
    }
    Ok(lines)
}

fn play(base: &str, file: &Path) -> Result<Load, Failure> {
    let kinds = &["tweet", "follow", "unfollow"];
    let file = file.display().to_string();
    Simulation::start("scenario", base, kinds, &["--concurrency", "1", "--scenario", &file])?
        .finish()
}

fn execute(database: &Database, statements: &Path) -> Result<Load, Failure> {
    let begun = Instant::now();
    program::output(
        Command::new(program::find("psql")?)
            .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"])
            .args(["--username", database.user(), "--host"])
            .arg(database.socket())
            .arg("--file")
            .arg(statements)
            .arg(database.name)
            .env("PGCLIENTENCODING", "UTF8"),
    )?;
    Ok(Load::of_rate(f64::from(COMMANDS) / begun.elapsed().as_secs_f64()))
}
