//! The thread that starts the server process, restarts it when it dies, and stops it.
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
    postmaster::{Launch, Postmaster},
};

/// How often the thread checks that the server runs.
const CHECK: Duration = Duration::from_millis(100);

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
            let Some(status) = self.wait_for_end(&mut postmaster) else {
                return self.stop(postmaster);
            };
            self.pid.store(0, Ordering::Relaxed);
            tracing::error!(status, "PostgreSQL ended unexpectedly; restarting it");
            if began.elapsed() >= STEADY {
                pause = SHORTEST_PAUSE;
            }
            match self.restart(&mut pause) {
                Some(started) => postmaster = started,
                None => return,
            }
            self.pid.store(postmaster.pid(), Ordering::Relaxed);
        }
    }

    /// The exit status of a server that ended by itself; `None` when it must be stopped.
    fn wait_for_end(&self, postmaster: &mut Postmaster) -> Option<String> {
        while !self.is_stopped_within(CHECK) {
            if let Some(status) = postmaster.ended() {
                return Some(status);
            }
        }
        None
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
