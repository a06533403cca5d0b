//! A server whose PostgreSQL has fewer connections than the pools may open, or no role or database any more.

use std::{process::Stdio, time::Duration};

use embedded_postgres::{Embedded, Settings};
use futures_util::future::join_all;
use nix::sys::signal::Signal;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, postgres::PgConnectOptions};

use crate::support::{
    cluster::{self, TestDatabase},
    eventually,
    process::{ServerProcess, minitwit, wait},
};

/// Executes statements, in which `{role}` is a role of this database alone, and `{database}` its name.
async fn execute(database: &TestDatabase, statements: &str) {
    let name = database.options().get_database().expect("a name").to_owned();
    let statements = statements.replace("{role}", &role(database)).replace("{database}", &name);
    let statements = AssertSqlSafe(statements);
    sqlx::raw_sql(statements).execute(&mut database.connect().await).await.expect("executed");
}

fn role(database: &TestDatabase) -> String {
    format!("limited_{}", database.options().get_database().expect("a name"))
}

/// A migrated database with a role of its own, which is no superuser.
async fn with_role() -> TestDatabase {
    let database = TestDatabase::fresh().await;
    let statements = "CREATE ROLE {role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
                      GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}";
    execute(&database, statements).await;
    database
}

async fn drop_role(database: &TestDatabase) {
    execute(database, "DROP OWNED BY {role}; DROP ROLE {role}").await;
}

fn serve(database: &TestDatabase) -> ServerProcess {
    let url = database.options().username(&role(database)).to_url_lossy().to_string();
    ServerProcess::start(&[
        "--database-url",
        &url,
        "--no-migrate",
        "--database-acquire-timeout",
        "20",
    ])
}

/// Requests of all classes at once; returns their statuses.
async fn requests(server: &ServerProcess, round: usize) -> Vec<(String, u16)> {
    let client =
        reqwest::Client::builder().timeout(Duration::from_secs(50)).build().expect("built");
    let base = &server.base;
    let client = &client;
    let all = (0..6).flat_map(|number| {
        let name = format!("ann{round}x{number}");
        let register = serde_json::json!({ "username": name, "email": "a@b", "pwd": "x" });
        let simulator = |method: reqwest::Method, path: &str| {
            client
                .request(method, format!("{base}/sim/{path}"))
                .basic_auth("simulator", Some("super_safe!"))
        };
        let get = |path: &str| client.get(format!("{base}{path}"));
        [
            (
                format!("register {name}"),
                simulator(reqwest::Method::POST, "register").json(&register),
            ),
            ("msgs".to_owned(), simulator(reqwest::Method::GET, "msgs")),
            ("latest".to_owned(), simulator(reqwest::Method::GET, "latest?latest=1")),
            ("search".to_owned(), get(&format!("/search?q=x{number}"))),
            ("timeline".to_owned(), get(&format!("/api/v1/timelines/public?limit={}", number + 1))),
            ("page".to_owned(), get("/public")),
        ]
    });
    let all = all.map(|(name, request)| async move {
        (name, request.send().await.expect("a response").status().as_u16())
    });
    join_all(all).await
}

#[tokio::test]
async fn requests_wait_for_the_connections_that_there_are() {
    for (limit, remedy) in [
        ("ALTER ROLE {role} CONNECTION LIMIT 2", "ALTER ROLE"),
        ("ALTER ROLE {role} CONNECTION LIMIT 5", "ALTER ROLE"),
        ("ALTER DATABASE {database} CONNECTION LIMIT 3", "ALTER DATABASE"),
    ] {
        let database = with_role().await;
        execute(&database, limit).await;
        let mut server = serve(&database);
        for round in 0..3 {
            for (request, status) in requests(&server, round).await {
                assert!(status < 500, "{limit}: {request} {status}: {}", server.output());
            }
        }
        // A task of the server waits for a connection too.
        eventually("the line", || async {
            requests(&server, 9).await;
            server.output().contains("too few connections").then_some(())
        })
        .await;
        let output = server.output();
        let line =
            output.lines().find(|line| line.contains("too few connections")).expect("a line");
        assert!(line.contains(remedy) && line.contains("--database-connections"), "{line}");
        assert_eq!(output.matches("too few connections").count(), 1, "{output}");
        assert!(server.end(Signal::SIGTERM).success());
        drop_role(&database).await;
    }
}

#[tokio::test]
async fn requests_get_503_while_the_role_or_its_rights_are_gone() {
    let end = "; SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name = 'minitwit' AND datname = '{database}'";
    for (gone, back) in [
        (format!("ALTER ROLE {{role}} NOLOGIN{end}"), "ALTER ROLE {role} LOGIN"),
        (
            format!("ALTER ROLE {{role}} RENAME TO {{role}}_2{end}"),
            "ALTER ROLE {role}_2 RENAME TO {role}",
        ),
        (
            "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}".to_owned(),
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
        ),
        (
            format!("ALTER DATABASE {{database}} ALLOW_CONNECTIONS false{end}"),
            "ALTER DATABASE {database} ALLOW_CONNECTIONS true",
        ),
    ] {
        let database = with_role().await;
        let mut server = serve(&database);
        let path = format!("{}/sim/msgs/nobody", server.base);
        let status = || async {
            let request =
                reqwest::Client::new().get(&path).basic_auth("simulator", Some("super_safe!"));
            request.send().await.expect("a response").status().as_u16()
        };
        assert_eq!(status().await, 404);
        // A database cannot refuse connections to itself; rights on tables are set in it.
        let mut operator = match gone.contains("TABLES") {
            true => database.connect().await,
            false => {
                let options = cluster::server().connect_options("postgres");
                options.connect().await.expect("connected")
            }
        };
        let name = database.options().get_database().expect("a name").to_owned();
        let fill =
            |text: &str| text.replace("{role}", &role(&database)).replace("{database}", &name);
        let run = AssertSqlSafe(fill(&gone));
        sqlx::raw_sql(run).execute(&mut operator).await.expect("executed");
        eventually("503", || async {
            let status = status().await;
            assert!([404, 503].contains(&status), "{gone}: {status}");
            (status == 503).then_some(())
        })
        .await;
        let run = AssertSqlSafe(fill(back));
        sqlx::raw_sql(run).execute(&mut operator).await.expect("executed");
        eventually("404 again", || async { (status().await == 404).then_some(()) }).await;
        assert!(server.end(Signal::SIGTERM).success());
        drop_role(&database).await;
    }
}

/// A PostgreSQL server with few places, a migrated database, and a role that is no superuser.
async fn small_server() -> Embedded {
    let settings = Settings { max_connections: 12, ..Settings::new(cluster::ephemeral_data()) };
    let server = Embedded::start(&settings).expect("an embedded server");
    let mut owner = server.connect_options("postgres").connect().await.expect("connected");
    let statements = "CREATE ROLE site LOGIN; CREATE DATABASE site OWNER site";
    for statement in statements.split(';') {
        sqlx::raw_sql(statement).execute(&mut owner).await.expect("executed");
    }
    server
}

fn as_site(server: &Embedded) -> PgConnectOptions {
    server.connect_options("site").username("site")
}

/// Opens connections as another program until the server has no place for them.
async fn take_all_places(server: &Embedded) -> Vec<PgConnection> {
    let options = as_site(server);
    let mut taken = Vec::new();
    while let Ok(connection) = options.connect().await {
        taken.push(connection);
    }
    assert!(!taken.is_empty(), "there was no place");
    taken
}

#[tokio::test]
async fn a_start_waits_for_a_place_on_a_full_server_and_names_the_cause() {
    let server = small_server().await;
    let taken = take_all_places(&server).await;
    let url = as_site(&server).to_url_lossy().to_string();
    let mut command = minitwit(&["serve", "--listen", "127.0.0.1:0", "--database-url", &url]);
    command.args(["--connect-timeout", "2"]);
    let output = command.output().expect("it runs");
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("max_connections"), "{error}");

    let mut command = minitwit(&["migrate", "--database-url", &url]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut waiting = command.spawn().expect("it starts");
    drop(taken);
    assert!(wait(&mut waiting).success());
}

#[tokio::test]
async fn a_full_server_costs_waits_but_no_request_and_is_logged_once() {
    let server = small_server().await;
    let url = as_site(&server).to_url_lossy().to_string();
    let options = ["--database-connections", "6", "--database-acquire-timeout", "20"];
    let mut site = ServerProcess::start(&[&["--database-url", &url], &options[..]].concat());
    // The server keeps what it has; other programs take the rest.
    let taken = take_all_places(&server).await;
    for round in 0..3 {
        for (request, status) in requests(&site, round).await {
            assert!(status < 500, "{request} {status}: {}", site.output());
        }
    }
    eventually("the line", || async {
        requests(&site, 9).await;
        site.output().contains("too few connections").then_some(())
    })
    .await;
    drop(taken);
    eventually("the end", || async {
        requests(&site, 10).await;
        site.output().contains("enough connections again").then_some(())
    })
    .await;
    let output = site.output();
    let line = output.lines().find(|line| line.contains("too few connections")).expect("a line");
    assert!(line.contains("max_connections"), "{line}");
    assert_eq!(output.matches("too few connections").count(), 1, "{output}");
    assert!(site.end(Signal::SIGTERM).success());
}
