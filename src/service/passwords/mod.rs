//! Password hashing, on separate threads and with bounded concurrency.
//!
//! New hashes are bcrypt's. Those of imported users may be of other schemes ([`schemes`]), until a
//! sign-in replaces them.
//!
//! bcrypt takes tens of milliseconds of processor time by design. At most `workers` passwords are
//! hashed at once, so a burst leaves processors for other requests. Further requests wait in the
//! bounded queue of their [`Line`], and fail when it is full. The simulator's registrations come
//! first; the other lines take turns. So no flood in one line delays another by more than a few
//! hashes.

mod schemes;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::{sync::oneshot, task::spawn_blocking};
use tracing::Span;

pub use self::schemes::{HashingError, hash_other};
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

/// How an entered password compares with a hash.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is another password.
    Wrong,
    /// It is the hash's.
    Right,
    /// It is the hash's, and a new hash of this password is to replace the hash: it is of another
    /// scheme, or of another form of the password.
    Renew(Password),
}

impl Slot {
    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, Error> {
        let cost = self.cost;
        run(move || Ok(PasswordHash::parse(&bcrypt::hash(password.expose(), cost)?)?)).await
    }

    /// Compares an entered password with a hash.
    ///
    /// Takes at least as long as one of bcrypt's hashes, so that neither a wrong password nor one
    /// that bcrypt cannot hold is rejected sooner than another.
    pub(super) async fn check(&self, entered: &str, hash: &PasswordHash) -> Result<Verdict, Error> {
        match hash {
            PasswordHash::Bcrypt(_) => self.check_bcrypt(entered, hash).await,
            _ => self.check_foreign(entered, hash).await,
        }
    }

    /// Takes as long as [`Slot::check`] of a wrong password and a hash of bcrypt.
    pub(super) async fn check_nothing(&self, entered: &str) -> Result<(), Error> {
        for _ in 0..Password::forms(entered).len().max(1) {
            self.verify_decoy().await?;
        }
        Ok(())
    }

    async fn check_bcrypt(&self, entered: &str, hash: &PasswordHash) -> Result<Verdict, Error> {
        let forms = Password::forms(entered);
        let Some(normal) = forms.first() else {
            // bcrypt cannot hold the password, so it is another one.
            self.verify_decoy().await?;
            return Ok(Verdict::Wrong);
        };
        for (index, form) in forms.iter().enumerate() {
            if self.verify(form.expose().to_owned(), hash.clone()).await? {
                return Ok(match index {
                    0 => Verdict::Right,
                    _ => Verdict::Renew(normal.clone()),
                });
            }
        }
        Ok(Verdict::Wrong)
    }

    /// Other systems do not normalize passwords, and some accept any text. So the text itself is
    /// compared, and then its normal form.
    async fn check_foreign(&self, entered: &str, hash: &PasswordHash) -> Result<Verdict, Error> {
        let normal = Password::parse(entered).ok();
        let other_form = normal.as_ref().map(Password::expose).filter(|form| *form != entered);
        let forms = [Some(entered), other_form].map(|form| form.map(str::to_owned));
        for form in forms.into_iter().flatten() {
            if self.verify(form, hash.clone()).await? {
                return Ok(normal.map_or(Verdict::Right, Verdict::Renew));
            }
        }
        self.verify_decoy().await?;
        Ok(Verdict::Wrong)
    }

    async fn verify(&self, password: String, hash: PasswordHash) -> Result<bool, Error> {
        run(move || schemes::verify(&password, &hash)).await
    }

    /// Verifies the hash of no password, which takes as long as any other of bcrypt's.
    async fn verify_decoy(&self) -> Result<(), Error> {
        let decoy = decoy(self.cost);
        run(move || Ok(bcrypt::verify("", &decoy)?)).await.map(drop)
    }
}

fn decoy(cost: u32) -> String {
    format!("$2b${cost:02}${}", ".".repeat(53))
}

async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HashingError> + Send + 'static,
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
mod tests;
