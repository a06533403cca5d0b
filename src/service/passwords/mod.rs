//! Password hashing, on separate threads and with bounded concurrency.
//!
//! New hashes are bcrypt's. Those of imported users may be of other schemes ([`schemes`]), until a
//! sign-in replaces them.
//!
//! bcrypt takes tens of milliseconds of processor time by design. So a bounded number of passwords is
//! hashed at once ([`workers`]).

mod schemes;
mod workers;

use std::{sync::Arc, time::Instant};

use tokio::task::spawn_blocking;
use tracing::Span;

pub(super) use self::workers::Line;
use self::workers::{Permit, Workers};
pub use self::{
    schemes::{HashingError, hash_other},
    workers::PasswordSettings,
};
use super::error::Error;
use crate::{
    domain::{Password, PasswordHash},
    telemetry::{
        metrics::{self, InFlightGauge},
        saturation::QueueState,
    },
};

pub(super) struct Passwords {
    cost: u32,
    workers: Arc<Workers>,
}

impl Passwords {
    pub(super) fn new(settings: &PasswordSettings) -> Self {
        Self { cost: settings.cost, workers: Arc::new(Workers::new(settings)) }
    }

    /// The passwords that wait.
    pub(super) fn queues(&self) -> impl Iterator<Item = QueueState> {
        self.workers.queues().into_iter()
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
