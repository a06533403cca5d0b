//! The own timeline of a user who follows 500 others.

use minitwit::seed::username;

use super::{FEW_CONNECTIONS, pgbench, wrk};
use crate::{
    Failure,
    comparison::{Comparison, Goal, Group, Reference},
    environment::{Environment, SeededServer},
    load::Metric,
    queries,
    wrk::Requests,
};

/// Messages on a page, plus one to detect the next page.
const LIMIT: &str = "31";

pub fn home(environment: &Environment) -> Result<Group, Failure> {
    let reader = format!("{}::bigint", environment.large.database.volume.reader());
    let statement = queries::find(
        &["follower_id = $4", "FROM messages", "ORDER BY"],
        &["NULL", "NULL", LIMIT, &reader],
    )?;
    let contenders = vec![
        wrk(
            "minitwit",
            &environment.large,
            FEW_CONNECTIONS,
            requests(environment, &environment.large)?,
        ),
        pgbench("home", &environment.large, FEW_CONNECTIONS, statement),
    ];
    let comparisons = vec![Comparison {
        what: "`GET /` signed in, following 500".to_owned(),
        against: "pgbench, its query",
        ours: 0,
        theirs: Reference::Contender(1),
        metric: Metric::P99,
        goal: Goal::AtMost(2.0),
    }];
    Ok(Group { name: "home", contenders, comparisons, seconds: None })
}

/// Requests of the signed-in user who follows 500 others.
pub fn requests(environment: &Environment, seeded: &SeededServer) -> Result<Requests, Failure> {
    let reader = username(seeded.database.volume.reader())?;
    let cookie = environment.http.sign_in(&seeded.server.address, reader.as_str())?;
    let page = environment.http.get(&seeded.server.address, "/", &cookie)?;
    if page.status != 200 {
        return Err(format!("GET / returned {} to a signed-in user", page.status).into());
    }
    Ok(Requests { headers: format!("Cookie: {cookie}\r\n"), ..Requests::get("/") })
}
