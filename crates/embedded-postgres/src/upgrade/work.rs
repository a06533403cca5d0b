//! The directory in which an upgrade builds the new cluster, and the processes that work there.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    data_directory, directories::make_temporary, error::Error, orphan, os_user::OsUser,
    process::poll_until, socket_directory,
};

const PREFIX: &str = "postgres.upgrade-";

/// How long killed processes may take to end.
const END: Duration = Duration::from_secs(10);

/// The programs that an upgrade runs. Other programs may have a file of the directory open for an operator.
const PROGRAMS: [&str; 10] = [
    "pg_upgrade",
    "pg_ctl",
    "pg_dump",
    "pg_dumpall",
    "pg_restore",
    "pg_resetwal",
    "initdb",
    "psql",
    "vacuumdb",
    "sh",
];

/// A directory of the account that runs PostgreSQL. Dropping it ends the processes and removes the directory.
#[derive(Debug)]
pub(super) struct Work {
    path: PathBuf,
    parent: PathBuf,
    kept: bool,
}

impl Work {
    pub(super) fn create(parent: &Path, os_user: &OsUser) -> Result<Self, Error> {
        let directory = make_temporary(parent, PREFIX)?;
        os_user.make_owner_of(directory.path())?;
        Ok(Self { path: directory.keep(), parent: parent.to_owned(), kept: false })
    }

    /// The working directory of the programs, where `pg_upgrade` leaves files.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn cluster(&self) -> PathBuf {
        cluster(&self.path)
    }

    /// The directory of the servers' socket. It is not that of [`data_directory::run`], so other commands do not
    /// connect to a server of the upgrade.
    pub(super) fn run(&self) -> PathBuf {
        run(&self.path)
    }

    /// Leaves the directory, with the logs of a failed program.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let ended = end_processes(&self.parent, &self.path);
        let removed = ended.and_then(|()| if self.kept { Ok(()) } else { remove(&self.path) });
        if let Err(error) = removed {
            tracing::warn!(%error, "cannot remove the files of an upgrade");
        }
    }
}

fn cluster(path: &Path) -> PathBuf {
    path.join("cluster")
}

fn run(path: &Path) -> PathBuf {
    path.join("run")
}

/// Ends the processes of interrupted upgrades, and removes their directories. The caller has locked the data
/// directory.
pub(crate) fn remove_unfinished(parent: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            end_processes(parent, &entry.path())?;
            remove(&entry.path())?;
            tracing::info!(path = %entry.path().display(), "removed the files of an unfinished upgrade");
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), Error> {
    socket_directory::clear(&run(path))?;
    fs::remove_dir_all(path).map_err(Error::io("remove", path))
}

/// Ends the programs of the upgrade in `path`, then the servers that they have started: those of the new cluster, and
/// of the cluster in `parent`.
fn end_processes(parent: &Path, path: &Path) -> Result<(), Error> {
    let ended = poll_until(END, || {
        let programs = programs(path);
        for pid in &programs {
            // An error means that it has ended since.
            let _ = kill(*pid, Signal::SIGKILL);
        }
        programs.is_empty()
    });
    if !ended {
        tracing::warn!(path = %path.display(), "programs of an unfinished upgrade do not end");
    }
    // SIGKILL would leave their shared memory.
    orphan::stop_all(&cluster(path))?;
    orphan::stop_all(&data_directory::pgdata(parent))
}

fn programs(path: &Path) -> Vec<Pid> {
    // The slash tells it from a longer name.
    let files = format!("{}/", path.display());
    let works_there = |pid: &Pid| {
        let line = orphan::command_line(*pid).unwrap_or_default();
        let program = line.split(' ').next().unwrap_or_default();
        let program = program.rsplit('/').next().unwrap_or_default();
        PROGRAMS.contains(&program) && line.contains(&files)
    };
    orphan::processes().into_iter().filter(works_there).collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn only_programs_of_the_upgrade_are_ended() {
        let parent = tempfile::tempdir().unwrap();
        let work = parent.path().join("postgres.upgrade-killed");
        fs::create_dir(&work).unwrap();
        let other = parent.path().join("postgres.upgrade-killed2");
        let spawn = |program: &str, directory: &Path| {
            // A shell that waits, with the directory in its arguments.
            let mut command = Command::new(program);
            command.args(["-c", "read line", &format!("{}/cluster", directory.display())]);
            command.stdin(Stdio::piped()).spawn().unwrap()
        };
        let mut of_this = spawn("/bin/sh", &work);
        let mut of_another = spawn("/bin/sh", &other);
        let mut of_an_operator = Command::new("tail")
            .args(["-f", "--retry", &format!("{}/cluster/log", work.display())])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();

        remove_unfinished(parent.path()).unwrap();

        assert!(!of_this.wait().unwrap().success());
        assert!(!work.exists());
        for other in [&mut of_another, &mut of_an_operator] {
            assert!(other.try_wait().unwrap().is_none());
            other.kill().unwrap();
            other.wait().unwrap();
        }
    }
}
