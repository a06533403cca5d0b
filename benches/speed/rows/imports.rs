//! Imports of an old system: into an empty database, into a live one, and beside posts.

use std::{
    process::Command,
    rc::Rc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use super::{CONNECTIONS, simulator};
use crate::{
    Failure,
    comparison::{Comparison, Contender, Goal, Group, Reference},
    database::Database,
    environment::{Environment, SMALL, SeededServer},
    importing::Importing,
    load::{Load, Metric, Run},
    old_system::OldSystem,
    program,
    server::Server,
    wrk::Wrk,
};

/// Messages of an import, and of one that lasts longer than the posts beside it.
const MESSAGES: u32 = 200_000;
const MESSAGES_BESIDE: u32 = 1_000_000;
/// 2,000,000 messages in 180 s.
const EMPTY_GOAL: f64 = 2_000_000.0 / 180.0;

pub fn imports(environment: &Environment) -> Result<Group, Failure> {
    let database = environment.cluster.database("import", SMALL);
    let old = Rc::new(OldSystem::write("old", MESSAGES)?);
    let users = Rc::new(OldSystem::write("old-users", 0)?);
    let live: Run = Box::new({
        let (database, old, users) = (database.clone(), Rc::clone(&old), Rc::clone(&users));
        move |_| {
            recreate(&database)?;
            Importing::start(&database, &users.sqlite, "users")?.finish()?;
            let rate = Importing::start(&database, &old.sqlite, "old")?.rate_of("messages")?;
            Ok(Load::of_rate(rate))
        }
    });
    let psql: Run = Box::new({
        let (database, old) = (database.clone(), Rc::clone(&old));
        move |_| {
            recreate(&database)?;
            Importing::start(&database, &users.sqlite, "users")?.finish()?;
            let begun = Instant::now();
            copy(&database, &old)?;
            Ok(Load::of_rate(f64::from(old.messages) / begun.elapsed().as_secs_f64()))
        }
    });
    let empty: Run = Box::new(move |_| {
        recreate(&database)?;
        let begun = Instant::now();
        Importing::start(&database, &old.sqlite, "old")?.finish()?;
        Ok(Load::of_rate(f64::from(old.messages) / begun.elapsed().as_secs_f64()))
    });
    let contenders = vec![
        Contender { name: "import, live", run: live },
        Contender { name: "psql", run: psql },
        Contender { name: "import, empty", run: empty },
    ];
    let comparison = |what: String, against, ours, theirs, goal| Comparison {
        what,
        against,
        ours,
        theirs,
        metric: Metric::Rate,
        goal: Goal::AtLeast(goal),
    };
    let comparisons = vec![
        comparison(
            format!(
                "`minitwit import` of {MESSAGES} messages into a live database, before the search index"
            ),
            "psql's COPY of the same rows",
            0,
            Reference::Contender(1),
            0.8,
        ),
        comparison(
            format!(
                "`minitwit import` of {MESSAGES} messages into an empty database, with all indexes"
            ),
            "2,000,000 in 180 s",
            2,
            Reference::Constant(EMPTY_GOAL),
            1.0,
        ),
    ];
    Ok(Group { name: "imports", contenders, comparisons, seconds: None })
}

/// Posts while an import inserts messages into the same database.
pub fn beside(environment: &Environment) -> Result<Group, Failure> {
    let database = environment.cluster.seeded("beside", SMALL)?;
    let server = Server::start(&database)?;
    let seeded = Rc::new(SeededServer { server, database });
    let old = OldSystem::write("old-beside", MESSAGES_BESIDE)?;
    let wrk = Rc::new(Wrk {
        address: seeded.server.address.clone(),
        requests: simulator::post().requests,
        connections: CONNECTIONS,
        users: SMALL.users,
    });
    let alone: Run = Box::new({
        let wrk = Rc::clone(&wrk);
        move |seconds| wrk.run(seconds)
    });
    let beside: Run = Box::new(move |seconds| {
        // A name that no earlier import has used, so that all rows are new.
        let source = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis().to_string();
        let mut import = Importing::start(&seeded.database, &old.sqlite, &source)?;
        import.rate_of("users")?;
        wrk.run(seconds)
    });
    let contenders = vec![
        Contender { name: "posts, import", run: beside },
        Contender { name: "posts", run: alone },
    ];
    let comparisons = vec![Comparison {
        what: "`POST /sim/msgs/{user}` beside an import".to_owned(),
        against: "without it",
        ours: 0,
        theirs: Reference::Contender(1),
        metric: Metric::Rate,
        goal: Goal::AtLeast(0.5),
    }];
    Ok(Group { name: "imports-beside", contenders, comparisons, seconds: None })
}

/// Creates the database without anything in it.
fn recreate(database: &Database) -> Result<(), Failure> {
    let name = database.name;
    let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    psql(database, "postgres", &[&drop, &format!("CREATE DATABASE {name}"), "CHECKPOINT"])
}

/// Inserts the messages of an old system, whose users the database has, by psql.
fn copy(database: &Database, old: &OldSystem) -> Result<(), Failure> {
    let copy = format!(
        "\\copy messages (author_id, text, published_at, flagged, imported) FROM '{}'",
        old.rows.display()
    );
    psql(database, database.name, &[&copy])
}

fn psql(database: &Database, name: &str, statements: &[&str]) -> Result<(), Failure> {
    let mut psql = Command::new(program::find("psql")?);
    psql.args([
        "--no-psqlrc",
        "--quiet",
        "--set",
        "ON_ERROR_STOP=1",
        "--username",
        database.user(),
    ]);
    psql.arg("--host").arg(database.socket()).env("PGCLIENTENCODING", "UTF8");
    for statement in statements {
        psql.args(["--command", statement]);
    }
    program::output(psql.arg(name)).map(drop)
}
