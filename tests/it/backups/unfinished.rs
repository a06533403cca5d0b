//! Repositories whose creation was interrupted, and what a start does with them.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
};

use pgbackrest::{Account, Configuration, Error, PgBackRest, Server, Storage};

use super::{Machine, failure, simulator, stop, success};
use crate::support::process::ServerProcess;

/// What pgBackRest creates, in its order. A name that ends with `/` is a directory.
const STEPS: [&str; 12] = [
    "archive/minitwit/",
    "archive/minitwit/archive.info.pgbackrest.tmp",
    "archive/minitwit/archive.info",
    "archive/minitwit/archive.info.copy.pgbackrest.tmp",
    "archive/minitwit/archive.info.copy",
    "backup/",
    "backup/minitwit/",
    "backup/minitwit/backup.info.pgbackrest.tmp",
    "backup/minitwit/backup.info",
    "backup/minitwit/backup.info.copy.pgbackrest.tmp",
    "backup/minitwit/backup.info.copy",
    "",
];
const WAL: &str = "archive/minitwit/15-1/0000000100000000/000000010000000000000001-00.zst";

/// A directory that the account of PostgreSQL owns.
struct Repository {
    path: PathBuf,
    owner: (u32, u32),
}

impl Repository {
    fn write(&self, name: &str, bytes: &[u8]) {
        let mut directory = self.path.clone();
        let (parents, file) = name.rsplit_once('/').unwrap_or(("", name));
        for parent in parents.split('/').filter(|it| !it.is_empty()) {
            directory.push(parent);
            if !directory.exists() {
                fs::create_dir(&directory).expect("made");
                chown(&directory, Some(self.owner.0), Some(self.owner.1)).expect("given");
            }
        }
        if !file.is_empty() {
            fs::write(directory.join(file), bytes).expect("written");
            chown(directory.join(file), Some(self.owner.0), Some(self.owner.1)).expect("given");
        }
    }

    fn empty(&self) {
        for name in ["archive", "backup"] {
            let _ = fs::remove_dir_all(self.path.join(name));
        }
    }

    /// Leaves what a creation leaves that is killed after `steps` steps: the last file may be incomplete.
    fn interrupt(&self, complete: &[(&str, Vec<u8>)], steps: usize) {
        self.empty();
        for step in &STEPS[..steps] {
            let file = step.strip_suffix(".pgbackrest.tmp").unwrap_or(step);
            let bytes = complete.iter().find(|(name, _)| name == &file).map(|(_, bytes)| bytes);
            let bytes = bytes.map(Vec::as_slice).unwrap_or_default();
            if *step == file {
                let _ = fs::remove_file(self.path.join(format!("{file}.pgbackrest.tmp")));
                self.write(step, bytes);
            } else {
                self.write(step, &bytes[..rand::random_range(0..=bytes.len())]);
            }
        }
    }
}

/// A configuration for the server in a data directory, and the repository.
fn configure(machine: &Machine, data: &Path) -> (PgBackRest, Repository) {
    let owner = fs::metadata(data.join("postgres")).expect("a cluster");
    let path = machine.path("repository");
    if !path.exists() {
        fs::create_dir(&path).expect("made");
        chown(&path, Some(owner.uid()), Some(owner.gid())).expect("given");
    }
    let configuration = Configuration {
        storage: Storage::Directory(path.clone()),
        passphrase: Some("correct horse battery staple".into()),
        full_backups_kept: 2,
        stanza: "minitwit".into(),
        server: Server {
            data_directory: data.join("postgres"),
            port: embedded_postgres::SOCKET_PORT,
            role: embedded_postgres::ROLE.into(),
        },
    };
    let account = Account { uid: owner.uid(), gid: owner.gid() };
    let program =
        PgBackRest::configure(&machine.path("configuration"), &configuration, Some(account));
    (program.expect("configured"), Repository { path, owner: (owner.uid(), owner.gid()) })
}

#[tokio::test]
async fn an_interrupted_creation_begins_again_unless_something_would_be_lost() {
    let machine = Machine::new();
    let data = machine.path("data");
    let server = ServerProcess::start(&["--data-dir", data.to_str().expect("text")]);
    let options = embedded_postgres::running(&data, "minitwit").expect("it runs");
    let socket = options.get_socket().expect("a socket");
    let (program, repository) = configure(&machine, &data);
    program.create_stanza(socket).expect("created");
    let files = STEPS.iter().filter(|step| step.contains(".info") && !step.ends_with("tmp"));
    let complete: Vec<_> =
        files.map(|name| (*name, fs::read(repository.path.join(name)).expect("a file"))).collect();
    assert_eq!(complete.len(), 4);

    for steps in 0..STEPS.len() {
        for wal in [false, true] {
            repository.interrupt(&complete, steps);
            let is_own = repository.path.join(complete[0].0).exists();
            if wal && is_own {
                repository.write(WAL, b"wal of this cluster");
            }
            program.create_stanza(socket).unwrap_or_else(|error| panic!("{steps}: {error}"));
            assert!(program.info().expect("readable").is_initialized, "{steps}");
            assert!(!machine.path("configuration/delete").exists(), "{steps}");
        }
    }

    // A backup, WAL of a cluster that nothing names, and files of others.
    for (kept, steps) in [
        ("backup/minitwit/20261127-100205F/backup.manifest", 5),
        (WAL, 1),
        ("archive/minitwit/notes", 5),
    ] {
        repository.interrupt(&complete, steps);
        repository.write(kept, b"needed");
        let error = program.create_stanza(socket).expect_err(kept);
        assert!(matches!(error, Error::Incomplete { .. }), "{kept}: {error}");
        assert!(error.to_string().contains("name another repository"), "{error}");
        assert!(repository.path.join(kept).exists(), "{kept}");
    }
    stop(server);

    // The WAL of another cluster is not deleted.
    let other = Machine::new();
    let server = ServerProcess::start(&["--data-dir", &other.text("data")]);
    let options = embedded_postgres::running(&other.path("data"), "minitwit").expect("it runs");
    let (program, repository) = configure(&machine, &other.path("data"));
    let socket = options.get_socket().expect("a socket");
    repository.interrupt(&complete, 5);
    repository.write(WAL, b"wal of the other cluster");
    let error = program.create_stanza(socket).expect_err("it would be lost");
    assert!(matches!(error, Error::Incomplete { .. }), "{error}");
    fs::remove_file(repository.path.join(WAL)).expect("removed");
    program.create_stanza(socket).expect("nothing is lost");
    stop(server);
}

#[tokio::test]
async fn a_server_completes_an_interrupted_repository_and_archives() {
    let machine = Machine::new();
    stop(machine.serve());
    fs::remove_dir_all(machine.path("backups/backup")).expect("removed");
    let server = machine.serve();
    assert_eq!(simulator(&server).register("ann").await.status, 204);
    assert!(success(machine.run(&["backup"])).contains("(full)"));
    stop(server);

    // The first start of another database is refused while this one's WAL is there.
    fs::remove_dir_all(machine.path("backups/backup")).expect("removed");
    fs::rename(machine.path("data"), machine.path("lost")).expect("renamed");
    let text = failure(machine.run_with_repository(&["serve", "--listen", "127.0.0.1:0"]));
    assert!(text.contains("archive.info or backup.info are missing"), "{text}");
}
