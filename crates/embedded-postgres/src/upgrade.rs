//! Upgrades the cluster of a data directory to another major version of PostgreSQL.
//!
//! `pg_upgrade` copies the cluster into a work directory. Until that copy is complete, analyzed and on disk, nothing
//! refers to it, so an interrupted upgrade is repeated from the beginning. Only then does [`swap`] rename the clusters.
//! The old cluster is renamed and kept. Hard links (`--link`) would be faster, but the first start of the new
//! server would make the old cluster unusable.

mod programs;
mod space;
mod swap;
mod work;

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use child_process::Cancel;

use self::{programs::Tools, work::Work};
pub(crate) use self::{swap::finish, work::remove_unfinished};
use crate::{
    binaries::Binaries,
    cluster::{self, SUPERUSER},
    data_directory::{self, DataDirectory},
    error::Error,
    orphan,
    os_user::OsUser,
    postmaster::{Launch, Postmaster},
    settings::{Data, Settings},
    socket_directory::{PORT, SocketDirectory},
};

/// Connections of the servers that an upgrade starts: for `vacuumdb` and its jobs.
const CONNECTIONS: u16 = 40;

/// What to upgrade.
#[derive(Debug, Clone)]
pub struct UpgradeSettings {
    /// The data directory.
    pub data_directory: PathBuf,
    /// The programs of the new version; `None` selects the newest installed one.
    pub postgres_bin: Option<PathBuf>,
    /// The programs of the version of the data; `None` searches the usual places.
    pub old_postgres_bin: Option<PathBuf>,
    /// The account that runs PostgreSQL if this process is root.
    pub postgres_user: Option<String>,
    /// Checks only whether the upgrade is possible.
    pub check: bool,
}

/// A part of an upgrade, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Starts and stops the old server, which recovers the cluster after a crash.
    Close,
    /// Creates an empty cluster of the new version.
    Create,
    /// Copies the data with `pg_upgrade`.
    Copy,
    /// Updates extensions and collects the statistics of the planner, on the new server.
    Analyze,
    /// Renames the clusters.
    Swap,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Close => "closing the old cluster",
            Self::Create => "creating the new cluster",
            Self::Copy => "copying the data with pg_upgrade",
            Self::Analyze => "analyzing the new cluster",
            Self::Swap => "renaming the clusters",
        })
    }
}

/// Progress of an upgrade.
#[derive(Debug)]
pub enum Progress {
    /// The upgrade is possible and begins.
    Planned {
        /// The version of the old programs, such as `15.13`.
        from: String,
        /// The version of the new programs.
        to: String,
        /// The size of the old cluster in bytes, without its write-ahead log.
        size: u64,
        /// The free space for the copy in bytes.
        free: u64,
    },
    /// A step begins.
    Began(Step),
    /// A step has ended, after this time.
    Ended(Step, Duration),
}

/// The result of an upgrade.
#[derive(Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// The data is of the newest installed version already.
    UpToDate {
        /// That version, such as `17.5`.
        version: String,
    },
    /// The upgrade is possible; nothing is changed.
    Possible,
    /// The data is of the new version.
    Done {
        /// The directory of the old cluster.
        kept: PathBuf,
        /// The settings that operators have made with `ALTER SYSTEM`, one a line. The new cluster does not have them.
        old_settings: Vec<String>,
    },
}

/// Upgrades the cluster of a data directory to the newest installed major version, or to that of `postgres_bin`.
/// Blocks for as long as copying the data takes. `cancel` ends it early with [`Error::Cancelled`].
///
/// Returns an error if a server uses the directory, programs are missing, the disk is too full, or a program fails. The
/// old cluster is then still in its place.
pub fn upgrade(
    settings: &UpgradeSettings,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress),
) -> Result<Upgrade, Error> {
    let parent = &settings.data_directory;
    let pgdata = data_directory::pgdata(parent);
    if !pgdata.exists() && !data_directory::upgraded(parent).exists() {
        return Err(Error::NothingToUpgrade(parent.clone()));
    }
    let data = Data::Directory(parent.clone());
    let (data, os_user) = DataDirectory::open(&data, settings.postgres_user.as_deref())?;
    finish(data.path())?;
    remove_unfinished(data.path())?;
    let pgdata = data.pgdata();
    let major = cluster::major_version(&pgdata)?
        .ok_or_else(|| Error::NothingToUpgrade(data.path().to_owned()))?;
    let new = Binaries::find(settings.postgres_bin.as_deref(), &pgdata, None)?;
    if new.major() == major {
        return Ok(Upgrade::UpToDate { version: new.version() });
    }
    if new.major() < major {
        // This fails, with the package to install.
        Binaries::find(settings.postgres_bin.as_deref(), &pgdata, Some(major))?;
    }
    let old = Binaries::find(settings.old_postgres_bin.as_deref(), &pgdata, Some(major))?;
    Upgrader { data: &data, os_user: &os_user, old, new, cancel, progress }.run(settings.check)
}

/// An upgrade of a locked data directory between two installed versions.
struct Upgrader<'a> {
    data: &'a DataDirectory,
    os_user: &'a OsUser,
    old: Binaries,
    new: Binaries,
    cancel: &'a Cancel,
    progress: &'a mut dyn FnMut(Progress),
}

impl Upgrader<'_> {
    fn run(&mut self, only_check: bool) -> Result<Upgrade, Error> {
        programs::check(&self.old, &self.new)?;
        swap::remove_stale(self.data.path())?;
        let pgdata = self.data.pgdata();
        let space = space::check(&pgdata, self.data.path())?;
        (self.progress)(Progress::Planned {
            from: self.old.version(),
            to: self.new.version(),
            size: space.needed,
            free: space.free,
        });
        let mut work = Work::create(self.data.path(), self.os_user)?;
        let result = self.steps(&work, only_check);
        if let Err(Error::Tool { .. }) = &result {
            work.keep();
        }
        result
    }

    fn steps(&mut self, work: &Work, only_check: bool) -> Result<Upgrade, Error> {
        let pgdata = self.data.pgdata();
        let socket = SocketDirectory::open(work.run(), self.os_user)?;
        self.step(Step::Close, |this| {
            orphan::stop_all(&pgdata)?;
            this.start(&this.old, &pgdata, &socket)?.stop();
            Ok(())
        })?;
        self.step(Step::Create, |this| {
            cluster::initdb(this.data, &this.new, this.os_user, &work.cluster(), this.cancel)
        })?;
        self.step(Step::Copy, |this| this.copy(work, &socket, only_check))?;
        if only_check {
            return Ok(Upgrade::Possible);
        }
        self.step(Step::Analyze, |this| this.analyze(work, &socket))?;
        let old_settings = swap::altered_settings(&pgdata);
        let kept = self.step(Step::Swap, |this| {
            swap::swap(this.data.path(), &work.cluster(), this.old.major())
        })?;
        Ok(Upgrade::Done { kept, old_settings })
    }

    fn step<T>(
        &mut self,
        step: Step,
        run: impl FnOnce(&Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        (self.progress)(Progress::Began(step));
        let began = Instant::now();
        let result = run(self)?;
        (self.progress)(Progress::Ended(step, began.elapsed()));
        Ok(result)
    }

    /// Starts a server of a cluster, on a socket that no other program knows.
    fn start(
        &self,
        binaries: &Binaries,
        pgdata: &Path,
        socket: &SocketDirectory,
    ) -> Result<Postmaster, Error> {
        let data = Data::Directory(self.data.path().to_owned());
        let settings = Settings {
            max_connections: CONNECTIONS,
            cancel: self.cancel.clone(),
            ..Settings::new(data)
        };
        let launch = Launch::new(binaries, self.os_user.clone(), self.data, socket, &settings);
        launch.for_cluster(pgdata.to_owned()).spawn_ready()
    }

    fn tools<'b>(&'b self, work: &'b Work) -> Tools<'b> {
        Tools { os_user: self.os_user, directory: work.path(), cancel: self.cancel }
    }

    fn copy(&self, work: &Work, socket: &SocketDirectory, only_check: bool) -> Result<(), Error> {
        let mut arguments = Vec::new();
        for (flag, directory) in [
            ("--old-bindir", self.old.directory()),
            ("--new-bindir", self.new.directory()),
            ("--old-datadir", self.data.pgdata().as_path()),
            ("--new-datadir", work.cluster().as_path()),
            ("--socketdir", socket.path()),
        ] {
            arguments.extend([flag.into(), directory.as_os_str().to_owned()]);
        }
        arguments.extend(["--username".into(), SUPERUSER.into()]);
        arguments.extend(["--jobs".into(), jobs().into()]);
        // The path of the socket fits with a port of four digits.
        let port = PORT.to_string();
        for flag in ["--old-port", "--new-port"] {
            arguments.extend([flag.into(), OsString::from(&port)]);
        }
        if only_check {
            arguments.push("--check".into());
        }
        self.tools(work).run(&self.new, "pg_upgrade", &arguments)
    }

    fn analyze(&self, work: &Work, socket: &SocketDirectory) -> Result<(), Error> {
        let server = self.start(&self.new, &work.cluster(), socket)?;
        let result = self.update_statistics(work, socket);
        server.stop();
        result
    }

    fn update_statistics(&self, work: &Work, socket: &SocketDirectory) -> Result<(), Error> {
        let port = PORT.to_string();
        let server = ["--host".into(), socket.path().into(), "--port".into(), port.into()];
        let server = [&server[..], &["--username".into(), SUPERUSER.into()]].concat();
        // pg_upgrade writes this file if the new version brings newer extensions.
        let extensions = work.path().join("update_extensions.sql");
        if extensions.exists() {
            let file = ["--dbname".into(), "postgres".into(), "--file".into(), extensions.into()];
            self.tools(work).run(&self.new, "psql", &[&server[..], &file].concat())?;
        }
        let all = ["--all", "--analyze-only", "--quiet", "--jobs", &jobs()].map(Into::into);
        self.tools(work).run(&self.new, "vacuumdb", &[&server[..], &all].concat())
    }
}

/// One job a processor.
fn jobs() -> String {
    std::thread::available_parallelism().map_or(1, usize::from).to_string()
}

#[cfg(test)]
mod tests;
