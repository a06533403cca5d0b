//! `minitwit postgres`: PostgreSQL for servers elsewhere, with scheduled backups.

use std::{
    fs,
    net::Ipv4Addr,
    sync::atomic::{AtomicU8, Ordering},
};

use nix::sys::signal::Signal;
use sqlx::{
    Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use super::{Machine, failure, stop, success};
use crate::support::{
    eventually,
    process::{ServerProcess, minitwit},
};

/// A PostgreSQL at a loopback address of its own, because its port is fixed.
struct Postgres {
    machine: Machine,
    address: String,
}

impl Postgres {
    fn new() -> Self {
        let machine = Machine::new();
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let [a, b] = u16::try_from(std::process::id() % 65_000).expect("in range").to_be_bytes();
        let postgres = Self { machine, address: Ipv4Addr::new(127, count, a, b).to_string() };
        postgres.write_password("first");
        postgres
    }

    fn write_password(&self, password: &str) {
        fs::write(self.machine.path("password"), password).expect("written");
    }

    fn settings(&self) -> Vec<String> {
        let password = self.machine.path("password").to_str().expect("text").to_owned();
        let mut settings = self.machine.settings();
        settings.extend(["--postgres-listen".into(), self.address.clone()]);
        settings.extend(["--postgres-password-file".into(), password]);
        settings.extend(["--postgres-options".into(), "work_mem=5MB".into()]);
        settings
    }

    fn start(&self) -> ServerProcess {
        ServerProcess::postgres(&self.settings().iter().map(String::as_str).collect::<Vec<_>>())
    }

    async fn connect(&self, user: &str, password: &str) -> Result<PgConnection, sqlx::Error> {
        let options = PgConnectOptions::new_without_pgpass()
            .host(&self.address)
            .port(5432)
            .username(user)
            .password(password)
            .database("minitwit")
            .ssl_mode(PgSslMode::Disable);
        PgConnection::connect_with(&options).await
    }

    fn migrate(&self) {
        let url = format!("postgres://minitwit:first@{}/minitwit?sslmode=disable", self.address);
        success(minitwit(&["migrate", "--database-url", &url]).output().expect("it runs"));
    }
}

async fn get(server: &ServerProcess, path: &str) -> (u16, String) {
    let response = reqwest::get(format!("{}{path}", server.base)).await.expect("a response");
    (response.status().as_u16(), response.text().await.expect("text"))
}

#[tokio::test]
async fn a_new_database_is_backed_up_and_drilled_once_it_has_tables() {
    let postgres = Postgres::new();
    let server = postgres.start();
    assert_eq!(get(&server, "/readyz").await.0, 200);
    assert!(!get(&server, "/metrics").await.1.contains("minitwit_backup_finished"));
    let mut connection = postgres.connect("minitwit", "first").await.expect("connected");
    let options = "SELECT current_setting('work_mem') || current_setting('data_checksums')";
    let options: String =
        sqlx::query_scalar(options).fetch_one(&mut connection).await.expect("set");
    assert_eq!(options, "5MBon");
    connection.close().await.expect("closed");
    assert!(postgres.connect("minitwit", "wrong").await.is_err());

    postgres.migrate();
    let metrics = eventually("a backup and a drill are reported", async || {
        let (_, metrics) = get(&server, "/metrics").await;
        metrics.contains("\nminitwit_backup_drill_passed 1\n").then_some(metrics)
    })
    .await;
    for name in ["backup_finished_timestamp", "wal_archived_timestamp", "backup_drill_timestamp"] {
        assert!(metrics.contains(&format!("\nminitwit_{name}_seconds 1")), "{metrics}");
    }
    assert!(success(postgres.machine.run(&["backup"])).contains("I (incremental): "));
    let list = success(postgres.machine.run(&["backup", "--list"]));
    assert_eq!(list.matches("full").count(), 1, "{list}");
    let refusal = failure(postgres.machine.run(&["restore", "--yes"]));
    assert!(refusal.contains("uses the data directory"), "{refusal}");
    stop(server);
}

#[tokio::test]
async fn a_new_password_holds_after_a_restart() {
    let postgres = Postgres::new();
    stop(postgres.start());
    let password = r#"it's \ a "new" 'one' 密"#;
    postgres.write_password(password);
    let mut server = postgres.start();
    assert!(postgres.connect("minitwit", "first").await.is_err());
    assert!(postgres.connect("postgres", password).await.is_err(), "there is one role");
    postgres.connect("minitwit", password).await.expect("connected");
    assert!(server.end(Signal::SIGINT).success(), "{}", server.complete_output());
}

#[test]
fn settings_of_another_database_are_rejected() {
    for arguments in [&["--ephemeral"][..], &["--database-url", "postgres://127.0.0.1/x"]] {
        let all = [&["postgres"], arguments].concat();
        let error = failure(minitwit(&all).output().expect("it runs"));
        assert!(error.contains("minitwit postgres runs PostgreSQL itself"), "{error}");
    }
    for options in ["work_mem", "=1"] {
        let error = minitwit(&["postgres", "--postgres-options", options]).output();
        assert!(failure(error.expect("it runs")).contains("--postgres-options"));
    }
}
