//! One PostgreSQL server process: its options, its start and its stop.

use std::{
    ffi::OsString,
    fs,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use child_process::{Cancel, end_with_this_thread};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    binaries::Binaries,
    data_directory::DataDirectory,
    error::Error,
    installation::{Identity, Installation},
    orphan,
    os_user::OsUser,
    process::{FAST_SHUTDOWN, IMMEDIATE_SHUTDOWN, POLL, pid_file, poll_until},
    server_log::ServerLog,
    settings::{Archiving, Settings},
    socket_directory::{PORT, SocketDirectory},
};

/// The longest wait for the processes of a killed server to release its shared memory.
const SHARED_MEMORY_RELEASE: Duration = Duration::from_secs(30);

/// PostgreSQL's message if that memory is still in use.
const SHARED_MEMORY_IN_USE: &str = "pre-existing shared memory block";

/// The options of every server. Statements and parameters stay out of the log, since they may hold
/// password hashes.
const OPTIONS: [&str; 13] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "shared_buffers=128MB",
    "jit=off",
    "ssl=off",
    "logging_collector=off",
    "log_destination=stderr",
    "log_line_prefix=",
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "log_parameter_max_length_on_error=0",
    // WAL that is replayed or archived. A recovering server serves no queries; otherwise it would
    // need at least the connections of the server whose WAL it replays.
    "wal_level=replica",
    "hot_standby=off",
];

/// Acknowledged commits survive a power failure.
const DURABLE: [&str; 3] = ["fsync=on", "synchronous_commit=on", "full_page_writes=on"];

/// Ephemeral data does not survive the server, so durability would only cost time.
const EPHEMERAL: [&str; 3] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/// Requests recovery from archived WAL. The server removes it when recovery ends.
const RECOVERY_SIGNAL: &str = "recovery.signal";

/// Everything needed to start and restart the server of a cluster.
#[derive(Debug)]
pub(crate) struct Launch {
    binaries: Binaries,
    installation: Installation,
    os_user: OsUser,
    home: PathBuf,
    pgdata: PathBuf,
    options: Vec<OsString>,
    archives: bool,
    ready_timeout: Duration,
    start_timeout: Option<Duration>,
    cancel: Cancel,
}

impl Launch {
    pub(crate) fn new(
        binaries: &Binaries,
        os_user: OsUser,
        data: &DataDirectory,
        socket: &SocketDirectory,
        settings: &Settings,
    ) -> Self {
        let durability = if data.is_ephemeral() { EPHEMERAL } else { DURABLE };
        let mut options: Vec<OsString> =
            OPTIONS.into_iter().chain(durability).map(OsString::from).collect();
        options.push(format!("max_connections={}", settings.max_connections).into());
        options.push(format!("port={PORT}").into());
        options.extend(archive_options(settings).into_iter().map(OsString::from));
        // The option is a list of quoted identifiers.
        let directory = socket.path().display().to_string().replace('"', "\"\"");
        options.push(format!("unix_socket_directories=\"{directory}\"").into());
        // The server uses the last value of an option.
        options.extend(settings.options.iter().map(OsString::from));
        Self {
            binaries: binaries.clone(),
            installation: Installation::of(&binaries.postgres()),
            os_user,
            home: data.path().to_owned(),
            pgdata: data.pgdata(),
            options,
            archives: settings.archiving.is_some(),
            ready_timeout: settings.ready_timeout,
            start_timeout: settings.start_timeout,
            cancel: settings.cancel.clone(),
        }
    }

    /// The same server for another cluster than that of the data directory.
    pub(crate) fn for_cluster(self, pgdata: PathBuf) -> Self {
        Self { pgdata, ..self }
    }

    /// The installed programs.
    pub(crate) fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The files of the installation as they are now.
    pub(crate) fn installed(&self) -> Identity {
        self.installation.identity()
    }

    /// Starts the server without waiting for its readiness. On Linux the kernel stops the server when
    /// the calling thread ends.
    pub(crate) fn spawn(&self) -> Result<Postmaster, Error> {
        orphan::stop(&self.pgdata, &self.cancel)?;
        let program = self.binaries.postgres();
        let failed = || Error::io("run", &program);
        let (log, stderr) = ServerLog::open().map_err(failed())?;
        let mut command = self.os_user.command(&program, &self.home);
        command.arg("-D").arg(&self.pgdata).stderr(stderr);
        for option in &self.options {
            command.arg("-c").arg(option);
        }
        // In its own process group, the server does not get the Ctrl-C of a terminal. This process
        // stops it.
        command.process_group(0);
        end_with_this_thread(&mut command, Signal::SIGINT);
        let child = command.spawn().map_err(failed())?;
        let recovery_signal = self.pgdata.join(RECOVERY_SIGNAL);
        let pid_file = pid_file(&self.pgdata);
        Ok(Postmaster { child, log, pid_file, recovery_signal, reload_when_ready: self.archives })
    }

    /// Starts the server and waits until it accepts connections.
    pub(crate) fn spawn_ready(&self) -> Result<Postmaster, Error> {
        let deadline = Instant::now() + SHARED_MEMORY_RELEASE;
        loop {
            match self.spawn()?.wait_until_ready(self) {
                Err(Error::Exited { log, .. })
                    if log.contains(SHARED_MEMORY_IN_USE)
                        && Instant::now() < deadline
                        && !self.cancel.is_cancelled() =>
                {
                    tracing::warn!("waiting until the processes of a killed PostgreSQL server end");
                    thread::sleep(10 * POLL);
                }
                result => return result,
            }
        }
    }
}

/// The options of archiving. They override those in the files of a restored cluster.
fn archive_options(settings: &Settings) -> Vec<String> {
    let mut options = match &settings.archiving {
        None => vec!["archive_mode=off".to_owned()],
        Some(Archiving { command, timeout }) => vec![
            "archive_mode=on".to_owned(),
            format!("archive_command={command}"),
            format!("archive_timeout={}", timeout.as_secs().max(1)),
        ],
    };
    options.extend(settings.restore_command.iter().map(|it| format!("restore_command={it}")));
    options
}

/// A started server process.
#[derive(Debug)]
pub(crate) struct Postmaster {
    child: Child,
    log: ServerLog,
    pid_file: PathBuf,
    recovery_signal: PathBuf,
    reload_when_ready: bool,
}

impl Postmaster {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(status) => status.map(|status| status.to_string()),
            Err(error) => Some(format!("unknown exit status: {error}")),
        }
    }

    fn wait_until_ready(mut self, launch: &Launch) -> Result<Self, Error> {
        let began = Instant::now();
        while !self.is_ready() {
            if let Some(status) = self.ended() {
                return Err(Error::Exited { status, log: self.log.last_messages() });
            }
            if launch.cancel.is_cancelled() {
                self.stop();
                return Err(Error::Cancelled);
            }
            // The replay of archived WAL may take hours.
            let by_default =
                || Some(launch.ready_timeout).filter(|_| !self.recovery_signal.exists());
            if let Some(limit) = launch.start_timeout.or_else(by_default)
                && began.elapsed() > limit
            {
                let log = self.log.last_messages();
                self.stop();
                return Err(Error::NotReady { seconds: limit.as_secs(), log });
            }
            thread::sleep(POLL);
        }
        Ok(self)
    }

    /// Whether the server accepts connections. Reads the pid file, like `pg_ctl`: the first line is
    /// the process id, the eighth the state.
    fn is_ready(&self) -> bool {
        let text = fs::read_to_string(&self.pid_file).unwrap_or_default();
        let mut lines = text.lines();
        lines.next() == Some(self.pid().to_string().as_str())
            && lines.nth(6).is_some_and(|state| state.trim() == "ready")
    }

    /// Once the server is ready, makes it reload its settings, which wakes its checkpointer.
    ///
    /// Otherwise `archive_timeout` has no effect for up to `checkpoint_timeout` (5 minutes) after a
    /// start: the checkpointer decides how long to sleep while recovery is still in progress.
    pub(crate) fn wake_checkpointer_once(&mut self) {
        if self.reload_when_ready && self.is_ready() {
            self.reload_when_ready = false;
            if let Err(error) = kill(Pid::from_raw(self.pid().cast_signed()), Signal::SIGHUP) {
                tracing::error!(%error, "cannot make PostgreSQL reload its settings");
            }
        }
    }

    /// Stops the server and waits for its end: with a checkpoint, then without, then by force.
    pub(crate) fn stop(mut self) {
        self.log.expect_stop();
        for (signal, timeout) in [
            (Signal::SIGINT, FAST_SHUTDOWN),
            (Signal::SIGQUIT, IMMEDIATE_SHUTDOWN),
            (Signal::SIGKILL, IMMEDIATE_SHUTDOWN),
        ] {
            if self.ended().is_some() {
                return;
            }
            // The kernel does not reuse the process id before `try_wait` has collected the exit
            // status.
            if let Err(error) = kill(Pid::from_raw(self.pid().cast_signed()), signal) {
                tracing::error!(%error, %signal, "cannot signal PostgreSQL");
            }
            if poll_until(timeout, || self.ended().is_some()) {
                return;
            }
        }
    }
}
