//! The signals of the process: which of them stop a command, and which are ignored.
//!
//! A thread receives them, so that a command which blocks can be stopped too. A command that does not end
//! in time by itself is ended: no wait and no cleaning up outlasts a signal.

use std::{
    fs,
    io::{self, Write as _},
    process, thread,
    time::Duration,
};

use child_process::Cancel;
use nix::sys::signal::Signal;
use tokio::{
    signal::unix::{Signal as Receiver, SignalKind, signal},
    sync::{mpsc, watch},
};

use super::Failure;

/// How long a command has to end by itself. Together with [`LOG_FLUSH`] this is less than 2 s.
const GRACE: Duration = Duration::from_millis(1_500);
/// How long the log has to be written before the process ends.
const LOG_FLUSH: Duration = Duration::from_millis(200);
/// The highest number of a signal on Linux.
const LAST: i32 = 64;
/// The first real-time signal that programs may use; the C library uses those before it.
const FIRST_REAL_TIME: i32 = 34;

/// Signals that stop a command. A terminal that is lost sends SIGHUP, Ctrl-\ sends SIGQUIT, and the
/// limit of processor time SIGXCPU.
const STOPPING: [Signal; 5] =
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGXCPU];
/// Signals that stop a command even if the parent process has made it ignore them, as shells do with
/// SIGINT for programs in the background.
const NEVER_IGNORED: [Signal; 2] = [Signal::SIGTERM, Signal::SIGINT];
/// Signals that keep their action: they report a fault, cannot be received, or do not end a process. SIGPIPE
/// is ignored without a line, as is SIGXFSZ, because the failed write reports the same.
const UNTOUCHED: [Signal; 17] = [
    Signal::SIGABRT,
    Signal::SIGBUS,
    Signal::SIGCHLD,
    Signal::SIGCONT,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGKILL,
    Signal::SIGPIPE,
    Signal::SIGSEGV,
    Signal::SIGSTOP,
    Signal::SIGSYS,
    Signal::SIGTRAP,
    Signal::SIGTSTP,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGURG,
    Signal::SIGWINCH,
];

/// A signal that stops the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StopSignal(Signal);

impl StopSignal {
    /// Whether it asks for an end, but not at once.
    pub(super) fn allows_drain(self) -> bool {
        self.0 == Signal::SIGTERM
    }

    pub(super) fn name(self) -> &'static str {
        self.0.as_str()
    }

    /// The exit code of a program that the signal ended, by the shells' convention.
    pub(super) fn exit_code(self) -> u8 {
        // Standard signals have numbers below 32.
        128 + u8::try_from(self.0 as i32).unwrap_or_default()
    }
}

/// The command was stopped before its end.
#[derive(Debug, thiserror::Error)]
#[error("nothing more was done")]
pub(super) struct Stopped;

/// The stop signals that were received.
#[derive(Debug, Clone, Copy, Default)]
struct Received {
    first: Option<StopSignal>,
    second: bool,
}

/// The stop of a command by a signal. Clones share one state.
#[derive(Clone)]
pub(super) struct Stop {
    received: watch::Receiver<Received>,
    cancel: Cancel,
    orderly: watch::Sender<bool>,
}

impl Stop {
    /// Starts to receive signals. Returns an error if the process may have no more threads.
    pub(super) fn listen() -> Result<Self, Failure> {
        let (received, receiver) = watch::channel(Received::default());
        let stop = Self {
            received: receiver,
            cancel: Cancel::default(),
            orderly: watch::Sender::new(false),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _context = runtime.enter();
            Signals::open()?
        };
        let (cancel, orderly) = (stop.cancel.clone(), stop.orderly.subscribe());
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(receive(signals, &received, &cancel, orderly));
        })?;
        Ok(stop)
    }

    /// The signal that stops the command, if one was received.
    pub(super) fn requested(&self) -> Option<StopSignal> {
        self.received.borrow().first
    }

    /// Completes with the first stop signal.
    pub(super) async fn first(&self) -> StopSignal {
        let mut receiver = self.received.clone();
        if let Ok(received) = receiver.wait_for(|it| it.first.is_some()).await
            && let Some(signal) = received.first
        {
            return signal;
        }
        // The thread that receives signals never ends.
        std::future::pending().await
    }

    /// Completes with the second stop signal.
    pub(super) async fn second(&self) {
        let mut receiver = self.received.clone();
        if receiver.wait_for(|it| it.second).await.is_err() {
            std::future::pending().await
        }
    }

    /// Ends programs and starts that block.
    pub(super) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// From now on the command ends in order, within limits of its own, and decides on a second signal.
    pub(super) fn take_over(&self) {
        self.orderly.send_replace(true);
    }

    /// Runs a task, and drops it on a stop signal.
    pub(super) async fn interrupt<T, E: Into<Failure>>(
        &self,
        task: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            _ = self.first() => Err(Stopped.into()),
            result = task => result.map_err(Into::into),
        }
    }
}

/// The signals that have an action of this program.
struct Signals {
    stopping: mpsc::UnboundedReceiver<Signal>,
}

impl Signals {
    fn open() -> io::Result<Self> {
        let ignored_by_parent = ignored();
        let (sender, stopping) = mpsc::unbounded_channel();
        for number in 1..=LAST {
            let known = Signal::try_from(number).ok();
            let is_ignored = ignored_by_parent & (1 << (number - 1)) != 0;
            let stays_ignored = is_ignored && known.is_none_or(|it| !NEVER_IGNORED.contains(&it));
            let is_untouched = known.is_some_and(|it| UNTOUCHED.contains(&it));
            if is_untouched || stays_ignored || (known.is_none() && number < FIRST_REAL_TIME) {
                continue;
            }
            match (signal(SignalKind::from_raw(number)), known) {
                (Ok(receiver), Some(known)) if STOPPING.contains(&known) => {
                    tokio::spawn(forward(receiver, known, sender.clone()));
                }
                (Ok(_), Some(Signal::SIGXFSZ)) => {}
                (Ok(receiver), _) => {
                    tokio::spawn(ignore(receiver, name(number)));
                }
                // Other systems have fewer signals.
                (Err(error), Some(known)) if STOPPING.contains(&known) => return Err(error),
                (Err(_), _) => {}
            }
        }
        Ok(Self { stopping })
    }
}

async fn forward(mut receiver: Receiver, signal: Signal, to: mpsc::UnboundedSender<Signal>) {
    while receiver.recv().await.is_some() {
        let _ = to.send(signal);
    }
}

async fn ignore(mut receiver: Receiver, name: String) {
    while receiver.recv().await.is_some() {
        if tracing::dispatcher::has_been_set() {
            tracing::warn!(signal = name, "ignored a signal; SIGTERM stops the program");
        } else {
            tell(&format!("ignored {name}; SIGTERM stops the program"));
        }
    }
}

fn name(number: i32) -> String {
    match Signal::try_from(number) {
        Ok(signal) => signal.as_str().to_owned(),
        Err(_) => format!("SIGRTMIN+{}", number - FIRST_REAL_TIME),
    }
}

/// The signals that the parent process has made this one ignore, such as `nohup` SIGHUP: one bit each.
/// Zero where the system does not tell.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

async fn receive(
    mut signals: Signals,
    received: &watch::Sender<Received>,
    cancel: &Cancel,
    mut orderly: watch::Receiver<bool>,
) {
    let Some(first) = signals.stopping.recv().await.map(StopSignal) else { return };
    received.send_modify(|it| it.first = Some(first));
    cancel.cancel();
    let ends_by_itself = tokio::select! {
        // The command may also take over after the signal.
        taken = orderly.wait_for(|it| *it) => taken.is_ok(),
        () = tokio::time::sleep(GRACE) => false,
        _ = signals.stopping.recv() => false,
    };
    if !ends_by_itself {
        tell(&format!("stopped by {}; the next start cleans up", first.name()));
        thread::sleep(LOG_FLUSH);
        process::exit(first.exit_code().into());
    }
    while signals.stopping.recv().await.is_some() {
        received.send_modify(|it| it.second = true);
    }
}

/// Prints a line for the operator. A closed standard error changes nothing.
pub(super) fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "minitwit: {text}");
}
