//! The public timeline, compared with a file of the same bytes.

use super::{CONNECTIONS, wrk};
use crate::{
    Failure,
    comparison::{Comparison, Contender, Goal, Group, Reference},
    environment::Environment,
    load::Metric,
    nginx::Nginx,
    wrk::{Requests, Wrk},
};

const PATH: &str = "/public";

pub fn public(environment: &Environment) -> Result<Group, Failure> {
    let page = environment.http.get(&environment.large.server.address, PATH, "")?;
    if page.status != 200 {
        return Err(format!("GET {PATH} returned {}", page.status).into());
    }
    let nginx = Nginx::start(&page)?;
    let file = Wrk {
        address: nginx.address.clone(),
        requests: Requests::get(PATH),
        connections: CONNECTIONS,
        users: environment.large.database.volume.users,
    };
    let run = Box::new(move |seconds| {
        // nginx runs as long as this closure lives.
        let Nginx { .. } = &nginx;
        file.run(seconds)
    });
    let contenders = vec![
        wrk("minitwit", &environment.large, CONNECTIONS, Requests::get(PATH)),
        Contender { name: "nginx", run },
    ];
    let comparisons = vec![Comparison {
        what: "`GET /public`, signed out".to_owned(),
        against: "nginx, the same bytes as a file",
        ours: 0,
        theirs: Reference::Contender(1),
        metric: Metric::Rate,
        goal: Goal::AtLeast(1.0),
    }];
    Ok(Group { name: "public", contenders, comparisons, seconds: None })
}
