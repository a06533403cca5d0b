//! Password hashing, on separate threads and with bounded concurrency.
//!
//! bcrypt takes tens of milliseconds of processor time by design. At most `workers` passwords are
//! hashed at once, so a burst leaves processors for other requests. Further requests wait in the
//! bounded queue of their [`Line`], and fail when it is full. The simulator's registrations come
//! first; the other lines take turns. So no flood in one line delays another by more than a few
//! hashes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::{sync::oneshot, task::spawn_blocking};
use tracing::Span;

use super::error::Error;
use crate::{
    domain::{Password, PasswordHash},
    telemetry::metrics::{self, InFlightGauge},
};

/// Settings of password hashing.
#[derive(Debug, Clone)]
pub struct PasswordSettings {
    /// bcrypt's cost: each step doubles the work.
    pub cost: u32,
    /// How many passwords are hashed at once.
    pub workers: usize,
    /// How many requests may wait in each line.
    pub queue: usize,
}

/// The requests that wait for a worker in one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
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

    /// The value of the label `purpose` in metrics.
    fn label(self) -> &'static str {
        match self {
            Self::Simulator => "registration",
            Self::Known => "known_sign_in",
            Self::SignIn => "sign_in",
            Self::SignUp => "sign_up",
        }
    }
}

pub(super) struct Passwords {
    cost: u32,
    workers: Arc<Workers>,
}

/// The workers and the requests that wait for one.
struct Workers {
    queue: usize,
    state: Mutex<State>,
}

struct State {
    free: usize,
    lines: [VecDeque<oneshot::Sender<Permit>>; Line::COUNT],
    /// The line, except the simulator's, whose turn is next.
    next: usize,
}

/// The right to use one worker; dropping it passes the worker on.
struct Permit(Arc<Workers>);

impl Passwords {
    pub(super) fn new(settings: &PasswordSettings) -> Self {
        let state = State { free: settings.workers, lines: Default::default(), next: 1 };
        let workers = Workers { queue: settings.queue, state: Mutex::new(state) };
        Self { cost: settings.cost, workers: Arc::new(workers) }
    }

    /// The hash of no password, which takes as long to verify as any other.
    pub(super) fn decoy(&self) -> PasswordHash {
        let (cost, zeros) = (self.cost, ".".repeat(53));
        PasswordHash::new(format!("$2b${cost:02}${zeros}"))
    }

    /// Waits for a worker, which is reserved until the slot is dropped.
    pub(super) async fn slot(&self, line: Line) -> Result<Slot, Error> {
        let waiting = InFlightGauge::waiting_password();
        let Some(permit) = self.workers.enter(line) else {
            metrics::hashing_rejected(line.label());
            return Err(Error::HashingQueueFull);
        };
        // A worker is always passed on, so the sender of a waiting request is used before it drops.
        let permit = permit.await.map_err(|_| Error::HashingQueueFull)?;
        drop(waiting);
        Ok(Slot { cost: self.cost, _permit: permit, _hashing: InFlightGauge::hashing() })
    }
}

impl Workers {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a free worker or joins the queue of a line; `None` if that is full.
    fn enter(self: &Arc<Self>, line: Line) -> Option<oneshot::Receiver<Permit>> {
        let (sender, permit) = oneshot::channel();
        let mut state = self.state();
        if state.free > 0 {
            state.free -= 1;
            drop(state);
            let _ = sender.send(Permit(Arc::clone(self)));
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
    fn pass_on(self: &Arc<Self>) {
        let next = {
            let mut state = self.state();
            let next = state.next_in_turn();
            state.free += usize::from(next.is_none());
            next
        };
        if let Some(waiting) = next {
            // If the request was cancelled just now, the permit is dropped and passed on again.
            let _ = waiting.send(Permit(Arc::clone(self)));
        }
    }
}

impl State {
    fn next_in_turn(&mut self) -> Option<oneshot::Sender<Permit>> {
        let simulator = Line::Simulator as usize;
        let others = (0..Line::COUNT).map(|step| (self.next + step) % Line::COUNT);
        let order = others.filter(|line| *line != simulator).collect::<Vec<_>>();
        for line in std::iter::once(simulator).chain(order) {
            while let Some(waiting) = self.lines[line].pop_front() {
                if waiting.is_closed() {
                    continue;
                }
                if line != simulator {
                    self.next = (line + 1) % Line::COUNT;
                }
                return Some(waiting);
            }
        }
        None
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

pub(super) struct Slot {
    cost: u32,
    _permit: Permit,
    _hashing: InFlightGauge,
}

impl Slot {
    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, Error> {
        let cost = self.cost;
        run_bcrypt(move || bcrypt::hash(password.expose(), cost)).await.map(PasswordHash::new)
    }

    pub(super) async fn verify(
        &self,
        password: Password,
        hash: PasswordHash,
    ) -> Result<bool, Error> {
        run_bcrypt(move || bcrypt::verify(password.expose(), hash.expose())).await
    }
}

async fn run_bcrypt<T: Send + 'static>(
    work: impl FnOnce() -> bcrypt::BcryptResult<T> + Send + 'static,
) -> Result<T, Error> {
    let span = Span::current();
    let task = spawn_blocking(move || {
        let started = Instant::now();
        let result = span.in_scope(work);
        metrics::hashed(started.elapsed());
        result
    });
    Ok(task.await.map_err(Error::TaskFailed)??)
}

#[cfg(test)]
mod tests {
    use tokio::{
        sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        task::JoinHandle,
    };

    use super::*;

    fn passwords(workers: usize, queue: usize) -> Arc<Passwords> {
        Arc::new(Passwords::new(&PasswordSettings { cost: 4, workers, queue }))
    }

    fn waiting(passwords: &Passwords, line: Line) -> usize {
        passwords.workers.state().lines[line as usize].len()
    }

    /// Requests a slot in the background. Returns when it waits.
    async fn wait_in(
        passwords: &Arc<Passwords>,
        line: Line,
        done: &UnboundedSender<Line>,
    ) -> JoinHandle<()> {
        let before = waiting(passwords, line);
        let task = tokio::spawn({
            let (passwords, done) = (Arc::clone(passwords), done.clone());
            async move {
                let _slot = passwords.slot(line).await.expect("a slot");
                done.send(line).expect("the receiver is open");
            }
        });
        while waiting(passwords, line) == before {
            tokio::task::yield_now().await;
        }
        task
    }

    async fn order_of(mut done: UnboundedReceiver<Line>, count: usize) -> Vec<Line> {
        let mut order = Vec::new();
        for _ in 0..count {
            order.push(done.recv().await.expect("open"));
        }
        order
    }

    #[tokio::test]
    async fn all_72_bytes_of_a_password_count() {
        let slot = passwords(1, 1).slot(Line::SignUp).await.expect("a slot");
        let password =
            |last: char| Password::parse(&format!("{}{last}", "x".repeat(71))).expect("72");
        let hash = slot.hash(password('a')).await.expect("a hash");
        assert!(hash.expose().starts_with("$2b$04$"));
        assert!(slot.verify(password('a'), hash.clone()).await.expect("verified"));
        assert!(!slot.verify(password('b'), hash).await.expect("verified"));
    }

    #[tokio::test]
    async fn no_password_has_the_decoys_hash_and_it_costs_the_same() {
        let passwords = passwords(1, 1);
        let slot = passwords.slot(Line::SignIn).await.expect("a slot");
        for text in ["a", "secret", &"x".repeat(72)] {
            let password = || Password::parse(text).expect("valid");
            assert!(!slot.verify(password(), passwords.decoy()).await.expect("verified"), "{text}");
            let cost = |hash: PasswordHash| hash.expose()[..7].to_owned();
            assert_eq!(cost(passwords.decoy()), cost(slot.hash(password()).await.expect("a hash")));
        }
    }

    #[tokio::test]
    async fn a_password_above_the_queue_limit_is_rejected() {
        let passwords = passwords(1, 1);
        let running = passwords.slot(Line::SignUp).await.expect("a slot");
        let (done, order) = unbounded_channel();
        wait_in(&passwords, Line::SignUp, &done).await;
        assert!(matches!(passwords.slot(Line::SignUp).await, Err(Error::HashingQueueFull)));
        // A full line does not fill the others.
        wait_in(&passwords, Line::SignIn, &done).await;
        wait_in(&passwords, Line::Simulator, &done).await;
        drop(running);
        assert_eq!(order_of(order, 3).await.len(), 3);
    }

    #[tokio::test]
    async fn the_simulator_comes_first_and_the_other_lines_take_turns() {
        let passwords = passwords(1, 8);
        let running = passwords.slot(Line::SignUp).await.expect("a slot");
        let (done, order) = unbounded_channel();
        for _ in 0..3 {
            wait_in(&passwords, Line::SignUp, &done).await;
        }
        for line in [Line::SignIn, Line::SignIn, Line::Known, Line::Simulator, Line::Simulator] {
            wait_in(&passwords, line, &done).await;
        }
        drop(running);
        let others =
            [Line::Known, Line::SignIn, Line::SignUp, Line::SignIn, Line::SignUp, Line::SignUp];
        let expected = [&[Line::Simulator, Line::Simulator], &others[..]].concat();
        assert_eq!(order_of(order, 8).await, expected);
    }

    #[tokio::test]
    async fn a_cancelled_request_leaves_the_queue_and_keeps_no_worker() {
        let passwords = passwords(1, 2);
        let running = passwords.slot(Line::SignUp).await.expect("a slot");
        let (done, order) = unbounded_channel();
        for _ in 0..2 {
            let task = wait_in(&passwords, Line::SignUp, &done).await;
            task.abort();
            task.await.expect_err("cancelled");
        }
        // Both places of the queue are free again.
        wait_in(&passwords, Line::SignIn, &done).await;
        let late = tokio::spawn({
            let passwords = Arc::clone(&passwords);
            async move { passwords.slot(Line::SignUp).await.map(drop) }
        });
        while waiting(&passwords, Line::SignUp) != 1 {
            tokio::task::yield_now().await;
        }
        drop(running);
        late.await.expect("no panic").expect("a slot");
        assert_eq!(order_of(order, 1).await, [Line::SignIn]);
        assert_eq!(passwords.workers.state().free, 1);
    }
}
