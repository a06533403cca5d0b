//! The workers that hash passwords, and the requests that wait for one.
//!
//! At most `workers` passwords are hashed at once, so a burst leaves processors for other requests.
//! Further requests wait in the bounded queue of their [`Line`], and fail when it is full. The
//! simulator's registrations come first; the other lines take turns. So no flood in one line delays
//! another by more than a few hashes.
//!
//! The simulator has workers of its own in addition, because it waits only 300 ms. One worker hashes
//! about 15 passwords a second, and fewer while other requests keep the processors busy.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::telemetry::saturation::QueueState;

/// Settings of password hashing.
#[derive(Debug, Clone)]
pub struct PasswordSettings {
    /// bcrypt's cost: each step doubles the work.
    pub cost: u32,
    /// How many passwords are hashed at once.
    pub workers: usize,
    /// How many more are hashed at once for registrations by the simulator.
    pub simulator_workers: usize,
    /// How many requests may wait in each line.
    pub queue: usize,
}

/// The requests that wait for a worker in one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Line {
    /// Registrations by the authenticated simulator.
    Simulator,
    /// Passwords of clients that are signed in, or from which the account has signed in before.
    Known,
    /// Other sign-ins.
    SignIn,
    /// Registrations by anonymous clients.
    SignUp,
}

impl Line {
    const COUNT: usize = 4;
    const ALL: [Self; Self::COUNT] = [Self::Simulator, Self::Known, Self::SignIn, Self::SignUp];

    /// The value of the label `purpose` in metrics.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Simulator => "registration",
            Self::Known => "known_sign_in",
            Self::SignIn => "sign_in",
            Self::SignUp => "sign_up",
        }
    }

    /// The name of the queue in metrics.
    fn queue_name(self) -> &'static str {
        match self {
            Self::Simulator => "hashing_registration",
            Self::Known => "hashing_known_sign_in",
            Self::SignIn => "hashing_sign_in",
            Self::SignUp => "hashing_sign_up",
        }
    }
}

/// All workers and their queues.
pub(super) struct Workers {
    queue: usize,
    state: Mutex<State>,
}

pub(super) struct State {
    /// Free workers of all lines.
    pub(super) free: usize,
    /// Free workers of the simulator alone.
    free_for_simulator: usize,
    pub(super) lines: [VecDeque<oneshot::Sender<Permit>>; Line::COUNT],
    /// The line, except the simulator's, whose turn is next.
    next: usize,
}

/// Which requests may use a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Shared,
    Simulator,
}

/// The right to use one worker; dropping it passes the worker on.
pub(super) struct Permit {
    workers: Arc<Workers>,
    kind: Kind,
}

impl Workers {
    pub(super) fn new(settings: &PasswordSettings) -> Self {
        let state = State {
            free: settings.workers,
            free_for_simulator: settings.simulator_workers,
            lines: Default::default(),
            next: 1,
        };
        Self { queue: settings.queue, state: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The passwords that wait in each line.
    pub(super) fn queues(&self) -> [QueueState; Line::COUNT] {
        let state = self.state();
        Line::ALL.map(|line| QueueState {
            name: line.queue_name(),
            waiting: state.lines[line as usize].len(),
            limit: Some(self.queue),
        })
    }

    /// Takes a free worker or joins the queue of a line; `None` if that is full.
    pub(super) fn enter(self: &Arc<Self>, line: Line) -> Option<oneshot::Receiver<Permit>> {
        let (sender, permit) = oneshot::channel();
        let mut state = self.state();
        if let Some(kind) = state.take_free(line) {
            drop(state);
            let _ = sender.send(Permit { workers: Arc::clone(self), kind });
            return Some(permit);
        }
        let waiting = &mut state.lines[line as usize];
        if waiting.len() >= self.queue {
            waiting.retain(|sender| !sender.is_closed());
        }
        if waiting.len() >= self.queue {
            return None;
        }
        waiting.push_back(sender);
        Some(permit)
    }

    /// Passes a worker to the next request in turn, or frees it.
    fn pass_on(self: &Arc<Self>, kind: Kind) {
        let next = {
            let mut state = self.state();
            let next = state.next_in_turn(kind);
            if next.is_none() {
                *state.free_of(kind) += 1;
            }
            next
        };
        if let Some(waiting) = next {
            // If the request was cancelled just now, the permit is dropped and passed on again.
            let _ = waiting.send(Permit { workers: Arc::clone(self), kind });
        }
    }
}

impl State {
    fn free_of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Shared => &mut self.free,
            Kind::Simulator => &mut self.free_for_simulator,
        }
    }

    /// Takes a free worker that requests of `line` may use.
    fn take_free(&mut self, line: Line) -> Option<Kind> {
        let kinds: &[Kind] = match line {
            Line::Simulator => &[Kind::Simulator, Kind::Shared],
            _ => &[Kind::Shared],
        };
        let kind = kinds.iter().copied().find(|kind| *self.free_of(*kind) > 0)?;
        *self.free_of(kind) -= 1;
        Some(kind)
    }

    fn next_in_turn(&mut self, kind: Kind) -> Option<oneshot::Sender<Permit>> {
        let simulator = self.next_of(Line::Simulator as usize);
        if simulator.is_some() || kind == Kind::Simulator {
            return simulator;
        }
        let lines = (0..Line::COUNT).map(|step| (self.next + step) % Line::COUNT);
        for line in lines.filter(|line| *line != Line::Simulator as usize).collect::<Vec<_>>() {
            if let Some(waiting) = self.next_of(line) {
                self.next = (line + 1) % Line::COUNT;
                return Some(waiting);
            }
        }
        None
    }

    /// The first request of a line that was not cancelled.
    fn next_of(&mut self, line: usize) -> Option<oneshot::Sender<Permit>> {
        let line = &mut self.lines[line];
        while let Some(waiting) = line.pop_front() {
            if !waiting.is_closed() {
                return Some(waiting);
            }
        }
        None
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.workers.pass_on(self.kind);
    }
}
