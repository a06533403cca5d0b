//! `/readyz` while writes fail: it answers 503 until writes succeed again. Reads still work.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use embedded_postgres::Embedded;
use nix::{
    mount::{MsFlags, mount, umount},
    unistd::geteuid,
};
use sqlx::{Connection as _, PgConnection};

use crate::{
    outage::{separate_server, separate_server_in, stop},
    support::{App, cluster::TestDatabase, eventually},
};

const WRITES_FAIL: &str = "the database does not accept writes; reads work";

/// An app on a PostgreSQL server of its own.
async fn app_on(server: &Embedded) -> App {
    let options = server.connect_options("minitwit");
    App::start_with(TestDatabase::empty().await, |settings| settings.database = options).await
}

async fn execute(server: &Embedded, statements: &[&'static str]) {
    let options = server.connect_options("minitwit");
    let mut connection = PgConnection::connect_with(&options).await.expect("connected");
    for statement in statements {
        sqlx::raw_sql(*statement).execute(&mut connection).await.expect(statement);
    }
}

/// Polls `/readyz` until its status is this.
async fn readiness(app: &App, status: u16) {
    eventually(&format!("/readyz answers {status}"), || async {
        let response = app.anonymous().get("/readyz").await;
        (response.status == status).then(|| {
            if status == 503 {
                assert_eq!(response.json()["reason"], WRITES_FAIL);
            }
        })
    })
    .await;
}

#[tokio::test]
async fn a_read_only_database_is_not_ready_until_it_accepts_writes() {
    let (_directory, server, _) = separate_server().await;
    let app = app_on(&server).await;
    let simulator = app.simulator();
    simulator.register("ann").await;
    simulator.tweet("ann", "before").await;
    readiness(&app, 200).await;

    let read_only = "ALTER SYSTEM SET default_transaction_read_only = on";
    execute(&server, &[read_only, "SELECT pg_reload_conf()"]).await;
    readiness(&app, 503).await;
    assert_eq!(simulator.tweet("ann", "lost").await.status, 503);
    app.anonymous().visit("/public").await.says("before");
    assert_eq!(app.anonymous().get("/healthz").await.status, 200);

    execute(
        &server,
        &["ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"],
    )
    .await;
    readiness(&app, 200).await;
    assert_eq!(simulator.tweet("ann", "after").await.status, 204);
    app.stop().await;
    stop(server).await;
}

#[tokio::test]
async fn a_database_whose_functions_cannot_be_loaded_is_not_ready() {
    let (_directory, server, _) = separate_server().await;
    // As after an upgrade of the package: connections that load the library from now on fail.
    let replaced =
        "UPDATE pg_proc SET probin = '$libdir/missing' WHERE proname = 'plpgsql_call_handler'";
    execute(&server, &[replaced]).await;
    let app = app_on(&server).await;
    readiness(&app, 503).await;
    assert_eq!(app.simulator().register("ann").await.status, 204, "needs no function");
    assert_eq!(app.simulator().tweet("ann", "lost").await.status, 503);
    assert_eq!(app.anonymous().get("/public").await.status, 200);

    let restored =
        "UPDATE pg_proc SET probin = '$libdir/plpgsql' WHERE proname = 'plpgsql_call_handler'";
    execute(&server, &[restored]).await;
    readiness(&app, 200).await;
    assert_eq!(app.simulator().tweet("ann", "after").await.status, 204);
    app.stop().await;
    stop(server).await;
}

/// A file system of 256 MiB, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: PathBuf) -> Self {
        fs::create_dir(&path).expect("a directory");
        let options = Some("size=256m,mode=755");
        mount(Some("tmpfs"), &path, Some("tmpfs"), MsFlags::empty(), options).expect("mounted");
        Self(path)
    }

    /// Writes a file until the disk is full, and returns its path.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = File::create(&path).expect("a file");
        for size in [1 << 20, 4096] {
            let error = loop {
                if let Err(error) = file.write_all(&vec![0; size]) {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::StorageFull);
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        umount(&self.0).expect("unmounted");
    }
}

#[tokio::test]
async fn a_full_disk_is_not_ready_until_it_has_space() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can mount a small disk");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    make_public(directory.path());
    let disk = SmallDisk::mount(directory.path().join("disk"));
    let (server, _) = separate_server_in(&disk.0.join("data")).await;
    let app = app_on(&server).await;
    let simulator = app.simulator();
    simulator.register("ann").await;
    readiness(&app, 200).await;

    let filler = disk.fill();
    // The pages of the tables have some free space.
    let text = "x".repeat(280);
    eventually("a post fails", || async {
        (simulator.tweet("ann", &text).await.status == 503).then_some(())
    })
    .await;
    readiness(&app, 503).await;
    assert_eq!(app.anonymous().get("/public").await.status, 200);

    fs::remove_file(filler).expect("removed");
    readiness(&app, 200).await;
    assert_eq!(simulator.tweet("ann", "after").await.status, 204);
    app.stop().await;
    stop(server).await;
}

fn make_public(directory: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("set");
}
