//! The thread that owns the server process: starts it, starts it again when it dies, stops it.
//!
//! It is a thread of the operating system, since the server stops when the thread that started it
//! ends, and since no async runtime may be needed to keep it.

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

use super::{
    error::Error,
    postmaster::{Launch, Postmaster},
};

/// How often the thread looks whether the server still runs.
const WATCH: Duration = Duration::from_millis(100);

/// The pause before the first new start, which doubles with each further one,
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// up to this,
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// and is short again after the server ran this long.
const STEADY: Duration = Duration::from_secs(60);

/// A running server and its thread. Dropping it stops the server and waits for its end.
#[derive(Debug)]
pub(super) struct Supervisor {
    /// Nothing is ever sent: the thread stops the server when this is dropped.
    stop: Option<Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts the server, and returns when it accepts connections. `pid` then always tells its
    /// process id, or 0 while there is none.
    pub(super) fn start(launch: Launch, pid: Arc<AtomicU32>) -> Result<Self, Error> {
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

/// What the thread works with.
struct Watch {
    launch: Launch,
    pid: Arc<AtomicU32>,
    stopped: Receiver<Infallible>,
}

impl Watch {
    fn run(&self, report: &SyncSender<Result<(), Error>>) {
        let mut postmaster = match self.launch.spawn_ready() {
            Ok(postmaster) => postmaster,
            Err(error) => {
                // The receiver waits for this, and if it were gone there would be nobody to tell.
                let _ = report.send(Err(error));
                return;
            }
        };
        self.pid.store(postmaster.pid(), Ordering::Relaxed);
        let _ = report.send(Ok(()));

        let mut pause = SHORTEST_PAUSE;
        loop {
            let began = Instant::now();
            let Some(status) = self.wait_for_end(&mut postmaster) else {
                return self.stop(postmaster);
            };
            self.pid.store(0, Ordering::Relaxed);
            tracing::error!(status, "PostgreSQL ended unexpectedly; starting it again");
            if began.elapsed() >= STEADY {
                pause = SHORTEST_PAUSE;
            }
            match self.start_again(&mut pause) {
                Some(started) => postmaster = started,
                None => return,
            }
            self.pid.store(postmaster.pid(), Ordering::Relaxed);
        }
    }

    /// How the server ended of its own; `None` if it is to be stopped.
    fn wait_for_end(&self, postmaster: &mut Postmaster) -> Option<String> {
        while !self.is_stopped_within(WATCH) {
            if let Some(status) = postmaster.ended() {
                return Some(status);
            }
        }
        None
    }

    /// Starts the server until that succeeds, which says nothing of its readiness: clients connect
    /// again anyway, and recovery may take long. `None` if it is to be stopped.
    fn start_again(&self, pause: &mut Duration) -> Option<Postmaster> {
        loop {
            if self.is_stopped_within(*pause) {
                return None;
            }
            *pause = LONGEST_PAUSE.min(*pause * 2);
            match self.launch.spawn() {
                Ok(postmaster) => return Some(postmaster),
                Err(error) => tracing::error!(%error, "cannot start PostgreSQL again"),
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
