//! The thread that starts the server process, restarts it when it dies or its files are replaced, and
//! stops it.
//!
//! It is an operating-system thread because the kernel stops the server when the thread that started
//! it ends, and because the server must outlive async runtimes.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    error::Error,
    installation::Identity,
    postmaster::{Launch, Postmaster},
};

/// How often the thread checks that the server runs.
const CHECK: Duration = Duration::from_millis(100);

/// How often the thread checks that the files of the installation are the same.
const FILES_CHECK: Duration = Duration::from_secs(1);

/// The pause before the first restart. It doubles with each further restart.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause before a restart.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The pause is reset once the server has run for this time.
const STEADY: Duration = Duration::from_secs(60);

/// A running server and its thread. Dropping it stops the server and waits for its end.
#[derive(Debug)]
pub(crate) struct Supervisor {
    /// Nothing is sent: the thread stops the server when this is dropped.
    stop: Option<Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts the server, and returns once it accepts connections. `pid` then holds its current
    /// process id, or 0 while there is none.
    pub(crate) fn start(launch: Launch, pid: Arc<AtomicU32>) -> Result<Self, Error> {
        let (stop, stopped) = channel();
        let (report, started) = sync_channel(1);
        let watch = Watch { launch, pid, stopped };
        let thread = thread::Builder::new()
            .name("postgres-supervisor".to_owned())
            .spawn(move || watch.run(&report))
            .map_err(Error::io("start", "the supervisor's thread".as_ref()))?;
        let supervisor = Self { stop: Some(stop), thread: Some(thread) };
        match started.recv() {
            Ok(result) => result.map(|()| supervisor),
            // The thread always reports, unless it panics.
            Err(_) => Err(Error::SupervisorPanicked),
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that supervises PostgreSQL panicked");
        }
    }
}

/// Why the thread no longer waits for a running server.
enum Event {
    /// It must be stopped.
    Stop,
    /// It ended by itself, with this exit status.
    Ended(String),
    /// A usable installation has replaced its files; the text names the versions.
    Replaced(String),
}

struct Watch {
    launch: Launch,
    pid: Arc<AtomicU32>,
    stopped: Receiver<Infallible>,
}

impl Watch {
    fn run(&self, report: &SyncSender<Result<(), Error>>) {
        let mut files = self.launch.installed();
        let mut postmaster = match self.launch.spawn_ready() {
            Ok(postmaster) => postmaster,
            Err(error) => {
                // It fails only if the receiver has panicked.
                let _ = report.send(Err(error));
                return;
            }
        };
        self.pid.store(postmaster.pid(), Ordering::Relaxed);
        let _ = report.send(Ok(()));

        let mut pause = SHORTEST_PAUSE;
        loop {
            let began = Instant::now();
            match self.wait(&mut postmaster, files) {
                Event::Stop => return self.stop(postmaster),
                Event::Ended(status) => {
                    tracing::error!(status, "PostgreSQL ended unexpectedly; restarting it");
                }
                Event::Replaced(versions) => {
                    tracing::warn!(
                        versions,
                        "the files of PostgreSQL were replaced; restarting it"
                    );
                    postmaster.stop();
                }
            }
            self.pid.store(0, Ordering::Relaxed);
            if began.elapsed() >= STEADY {
                pause = SHORTEST_PAUSE;
            }
            files = self.launch.installed();
            match self.restart(&mut pause) {
                Some(started) => postmaster = started,
                None => return,
            }
            self.pid.store(postmaster.pid(), Ordering::Relaxed);
        }
    }

    /// Waits until the server must be stopped, ends by itself, or has other files than `files`.
    fn wait(&self, postmaster: &mut Postmaster, files: Identity) -> Event {
        let mut files = ReplacedFiles::new(files);
        let mut checked = Instant::now();
        while !self.is_stopped_within(CHECK) {
            if let Some(status) = postmaster.ended() {
                return Event::Ended(status);
            }
            postmaster.wake_checkpointer_once();
            if checked.elapsed() >= FILES_CHECK {
                checked = Instant::now();
                if let Some(versions) = files.check(&self.launch) {
                    return Event::Replaced(versions);
                }
            }
        }
        Event::Stop
    }

    /// Tries to start the server until a process runs; `None` when it must be stopped. Does not
    /// wait until the server is ready: recovery may take long, and clients retry anyway.
    fn restart(&self, pause: &mut Duration) -> Option<Postmaster> {
        loop {
            if self.is_stopped_within(*pause) {
                return None;
            }
            *pause = LONGEST_PAUSE.min(*pause * 2);
            match self.launch.spawn() {
                Ok(postmaster) => return Some(postmaster),
                Err(error) => tracing::error!(%error, "cannot restart PostgreSQL"),
            }
        }
    }

    fn is_stopped_within(&self, time: Duration) -> bool {
        self.stopped.recv_timeout(time) != Err(RecvTimeoutError::Timeout)
    }

    fn stop(&self, postmaster: Postmaster) {
        postmaster.stop();
        self.pid.store(0, Ordering::Relaxed);
    }
}

/// Compares the files of the installation with those that a server was started from.
struct ReplacedFiles {
    /// Those of the server, or a replacement that cannot be used.
    known: Identity,
    /// Those of the last check.
    last: Identity,
}

impl ReplacedFiles {
    fn new(started_from: Identity) -> Self {
        Self { last: started_from.clone(), known: started_from }
    }

    /// Returns the old and the new version once other files are complete, the same in two checks, and
    /// usable for the data: a package manager replaces one file after the other.
    fn check(&mut self, launch: &Launch) -> Option<String> {
        let now = launch.installed();
        let settled = now == self.last;
        self.last = now.clone();
        if now == self.known || !settled || !now.is_complete() {
            return None;
        }
        match launch.binaries().installed_now() {
            Ok(new) => Some(format!("{} → {}", launch.binaries().version(), new.version())),
            Err(reason) => {
                tracing::error!(reason, "the files of PostgreSQL were replaced by unusable ones");
                self.known = now;
                None
            }
        }
    }
}
