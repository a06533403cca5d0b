//! A package manager that replaces the files of a running server.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use embedded_postgres::{Data, Embedded, Settings};
use tempfile::TempDir;

use crate::{directory, eventually, query, settings, try_query};

/// A copy of the installed PostgreSQL. Its programs find their files relative to themselves.
struct Installation {
    root: TempDir,
    bin: PathBuf,
}

impl Installation {
    fn copy() -> Self {
        let server = Embedded::start(&Settings::new(Data::Ephemeral)).unwrap();
        let bin = fs::read_link(format!("/proc/{}/exe", server.pid().unwrap())).unwrap();
        let bin = bin.parent().unwrap().to_owned();
        let root = directory();
        let path = |setting: &str| {
            PathBuf::from(
                &query(&server, &format!("SELECT setting FROM pg_config WHERE name = '{setting}'"))
                    [0],
            )
        };
        for directory in [bin.clone(), path("PKGLIBDIR"), path("SHAREDIR")] {
            let copy = root.path().join(directory.strip_prefix("/").unwrap());
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            let status = Command::new("cp").arg("-R").arg(&directory).arg(&copy).status().unwrap();
            assert!(status.success(), "{}", directory.display());
        }
        let bin = root.path().join(bin.strip_prefix("/").unwrap());
        Self { root, bin }
    }

    fn start(&self, data: &Path) -> Embedded {
        let bin = Some(self.bin.clone());
        Embedded::start(&Settings { postgres_bin: bin, ..settings(data) }).unwrap()
    }

    /// The library of PL/pgSQL.
    fn library(&self) -> PathBuf {
        let output =
            Command::new("find").arg(self.root.path()).args(["-name", "plpgsql.so"]).output();
        PathBuf::from(String::from_utf8(output.unwrap().stdout).unwrap().trim())
    }
}

/// Replaces a file as a package manager does: by a new one that is renamed to its name.
fn replace(path: &Path, content: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::set_permissions(&new, Permissions::from_mode(0o755)).unwrap();
    fs::rename(&new, path).unwrap();
}

fn restarted(server: &Embedded, before: u32) -> u32 {
    eventually("a restart", || server.pid().filter(|pid| *pid != before))
}

#[test]
fn a_server_whose_program_or_library_is_replaced_is_restarted() {
    let (installation, data) = (Installation::copy(), directory());
    let server = installation.start(data.path());
    query(&server, "CREATE TABLE kept (text text)");
    query(&server, "INSERT INTO kept VALUES ('hello')");
    for file in [installation.library(), installation.bin.join("postgres")] {
        let before = server.pid().unwrap();
        replace(&file, &fs::read(&file).unwrap());
        restarted(&server, before);
        eventually("the new server", || try_query(&server, "DO 'BEGIN END'").ok());
        assert_eq!(query(&server, "SELECT text FROM kept"), ["hello"]);
    }
}

#[test]
fn an_unusable_replacement_is_ignored_until_a_usable_one_follows() {
    let (installation, data) = (Installation::copy(), directory());
    let server = installation.start(data.path());
    let before = server.pid().unwrap();
    let program = installation.bin.join("postgres");
    let usable = fs::read(&program).unwrap();
    let library = installation.library();
    let marker = installation.bin.join("asked");
    // The supervisor asks this program for its version, and leaves a mark.
    let unusable =
        format!("#!/bin/sh\ntouch {}\necho 'postgres (PostgreSQL) 99.1'\n", marker.display());
    replace(&program, unusable.as_bytes());
    eventually("the question for the version", || marker.exists().then_some(()));
    assert_eq!(server.pid(), Some(before));
    assert_eq!(query(&server, "SELECT 'hello'"), ["hello"]);

    // An absent library is a replacement that is not finished.
    let content = fs::read(&library).unwrap();
    fs::remove_file(&library).unwrap();
    replace(&program, &usable);
    replace(&library, &content);
    restarted(&server, before);
}
