//! One PostgreSQL server process: its options, its readiness, its end.

use std::{
    ffi::OsString,
    fs,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    POLL,
    binaries::Binaries,
    data_directory::DataDirectory,
    error::Error,
    orphan,
    os_user::OsUser,
    server_log::ServerLog,
    socket_directory::{PORT, SocketDirectory},
};

/// How long a server may take to accept connections: what `pg_ctl` allows.
const READY: Duration = Duration::from_secs(60);

/// How long the processes of a killed server may hold its shared memory.
const SHARED_MEMORY_RELEASE: Duration = Duration::from_secs(30);

/// The message of a start that fails since they do.
const SHARED_MEMORY_IN_USE: &str = "pre-existing shared memory block";

/// How long a server may take to write its checkpoint and stop.
pub(super) const FAST_SHUTDOWN: Duration = Duration::from_secs(30);

/// How long a server may take to stop without one.
pub(super) const IMMEDIATE_SHUTDOWN: Duration = Duration::from_secs(10);

/// The settings of every server. An error's statement and parameters stay out of the log, since
/// they may hold password hashes.
const OPTIONS: [&str; 11] = [
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
];

/// A commit that was answered survives a power failure.
const DURABLE: [&str; 3] = ["fsync=on", "synchronous_commit=on", "full_page_writes=on"];

/// Nothing survives anyway.
const EPHEMERAL: [&str; 3] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/// All that is needed to start the server of a cluster, again and again.
#[derive(Debug)]
pub(super) struct Launch {
    program: PathBuf,
    os_user: OsUser,
    home: PathBuf,
    pgdata: PathBuf,
    options: Vec<OsString>,
}

impl Launch {
    pub(super) fn new(
        binaries: &Binaries,
        os_user: OsUser,
        data: &DataDirectory,
        socket: &SocketDirectory,
        max_connections: u16,
    ) -> Self {
        let durability = if data.is_ephemeral() { EPHEMERAL } else { DURABLE };
        let mut options: Vec<OsString> =
            OPTIONS.into_iter().chain(durability).map(OsString::from).collect();
        options.push(format!("max_connections={max_connections}").into());
        options.push(format!("port={PORT}").into());
        // The option is a list of quoted names.
        let directory = socket.path().display().to_string().replace('"', "\"\"");
        options.push(format!("unix_socket_directories=\"{directory}\"").into());
        let (home, pgdata) = (data.path().to_owned(), data.pgdata());
        Self { program: binaries.postgres(), os_user, home, pgdata, options }
    }

    /// Starts the server without waiting until it is ready. The server stops when the calling
    /// thread ends, in whatever way.
    pub(super) fn spawn(&self) -> Result<Postmaster, Error> {
        orphan::settle(&self.pgdata)?;
        let failed = || Error::io("run", &self.program);
        let (log, stderr) = ServerLog::open().map_err(failed())?;
        let mut command = self.os_user.command(&self.program, &self.home);
        command.arg("-D").arg(&self.pgdata).stderr(stderr);
        for option in &self.options {
            command.arg("-c").arg(option);
        }
        // Control-C at a terminal is for us alone: the server stops when we are done with it.
        command.process_group(0);
        die_with_this_thread(&mut command, Signal::SIGINT);
        let child = command.spawn().map_err(failed())?;
        Ok(Postmaster { child, log, pid_file: orphan::pid_file(&self.pgdata) })
    }

    /// Starts the server and waits until it accepts connections.
    pub(super) fn spawn_ready(&self) -> Result<Postmaster, Error> {
        let deadline = Instant::now() + SHARED_MEMORY_RELEASE;
        loop {
            match self.spawn()?.wait_until_ready() {
                Err(Error::Exited { log, .. })
                    if log.contains(SHARED_MEMORY_IN_USE) && Instant::now() < deadline =>
                {
                    tracing::warn!("waiting for the processes of a killed server to end");
                    thread::sleep(10 * POLL);
                }
                result => return result,
            }
        }
    }
}

/// A server process that was started.
#[derive(Debug)]
pub(super) struct Postmaster {
    child: Child,
    log: ServerLog,
    pid_file: PathBuf,
}

impl Postmaster {
    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended; `None` while it runs.
    pub(super) fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(status) => status.map(|status| status.to_string()),
            Err(error) => Some(format!("it cannot be waited for: {error}")),
        }
    }

    fn wait_until_ready(mut self) -> Result<Self, Error> {
        let deadline = Instant::now() + READY;
        while !self.is_ready() {
            if let Some(status) = self.ended() {
                return Err(Error::Exited { status, log: self.log.last_messages() });
            }
            if Instant::now() > deadline {
                let log = self.log.last_messages();
                self.stop();
                return Err(Error::NotReady { seconds: READY.as_secs(), log });
            }
            thread::sleep(POLL);
        }
        Ok(self)
    }

    /// Whether it accepts connections. Like `pg_ctl`, asks the file that it keeps: the first line
    /// is its process id, the eighth its state.
    fn is_ready(&self) -> bool {
        let text = fs::read_to_string(&self.pid_file).unwrap_or_default();
        let mut lines = text.lines();
        lines.next() == Some(self.pid().to_string().as_str())
            && lines.nth(6).is_some_and(|state| state.trim() == "ready")
    }

    /// Stops it and waits until it has ended: with a checkpoint, or else without, or by force.
    pub(super) fn stop(mut self) {
        for (signal, patience) in [
            (Signal::SIGINT, FAST_SHUTDOWN),
            (Signal::SIGQUIT, IMMEDIATE_SHUTDOWN),
            (Signal::SIGKILL, IMMEDIATE_SHUTDOWN),
        ] {
            if self.ended().is_some() {
                return;
            }
            // Its process id is its own until we have waited for it.
            if let Err(error) = kill(Pid::from_raw(self.pid().cast_signed()), signal) {
                tracing::error!(%error, "cannot signal PostgreSQL");
            }
            let deadline = Instant::now() + patience;
            while self.ended().is_none() && Instant::now() < deadline {
                thread::sleep(POLL);
            }
        }
    }
}

/// Has the kernel send `signal` to the process when the calling thread ends, be it by `kill -9` of
/// our process. Elsewhere than on Linux such an orphan runs on until the next start settles it.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "pre_exec is unsafe; the comment at the call proves this use")]
pub(super) fn die_with_this_thread(command: &mut Command, signal: Signal) {
    use std::io;

    use nix::{
        errno::Errno,
        sys::prctl::set_pdeathsig,
        unistd::{getpid, getppid},
    };

    let parent = getpid();
    let prepare = move || {
        set_pdeathsig(signal)?;
        // We may have died before that call.
        if getppid() == parent { Ok(()) } else { Err(io::Error::from(Errno::ESRCH)) }
    };
    // SAFETY: between fork and exec only async-signal-safe code may run. The closure makes two bare
    // system calls, prctl(2) and getppid(2), on copied integers; it allocates nothing, takes no
    // lock, and its errors are plain numbers. It runs after the change of user, which would clear
    // the setting.
    unsafe { command.pre_exec(prepare) };
}

/// Only Linux can do this; elsewhere an orphan runs on until the next start settles it.
#[cfg(not(target_os = "linux"))]
pub(super) fn die_with_this_thread(_: &mut Command, _: Signal) {}
