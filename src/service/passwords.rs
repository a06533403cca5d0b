//! Password hashing, on separate threads and with bounded concurrency.
//!
//! bcrypt takes tens of milliseconds of processor time by design. At most `workers` passwords are
//! hashed at once, so a burst leaves processors for other requests. Further requests wait in a
//! bounded queue, and fail when it is full. Sign-ins have their own queue, and only the first of
//! them competes with registrations for a worker. So a flood of sign-ins cannot delay
//! registrations.

use std::{sync::Arc, time::Instant};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};
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
    /// How many requests may wait, for each purpose.
    pub queue: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Registration,
    SignIn,
}

pub(super) struct Passwords {
    cost: u32,
    workers: Arc<Semaphore>,
    registration_queue: Arc<Semaphore>,
    sign_in_queue: Arc<Semaphore>,
    sign_in_head: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new(settings: &PasswordSettings) -> Self {
        // A request keeps its place in the queue while its password is hashed.
        let places = settings.queue + settings.workers;
        Self {
            cost: settings.cost,
            workers: Arc::new(Semaphore::new(settings.workers)),
            registration_queue: Arc::new(Semaphore::new(places)),
            sign_in_queue: Arc::new(Semaphore::new(places)),
            sign_in_head: Arc::new(Semaphore::new(1)),
        }
    }

    /// Waits for a worker, which is reserved until the slot is dropped.
    pub(super) async fn slot(&self, purpose: Purpose) -> Result<Slot, Error> {
        let (queue, label) = match purpose {
            Purpose::Registration => (&self.registration_queue, "registration"),
            Purpose::SignIn => (&self.sign_in_queue, "sign_in"),
        };
        let place = Arc::clone(queue).try_acquire_owned().map_err(|_| {
            metrics::hashing_refused(label);
            Error::HashingQueueFull
        })?;
        let waiting = InFlightGauge::waiting_password();
        // Acquiring fails only on a closed semaphore, and these are never closed.
        let closed = |_| Error::HashingQueueFull;
        let head = match purpose {
            Purpose::Registration => None,
            Purpose::SignIn => Some(self.sign_in_head.acquire().await.map_err(closed)?),
        };
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(closed)?;
        drop((head, waiting));
        let hashing = InFlightGauge::hashing();
        Ok(Slot { cost: self.cost, _place: place, _worker: worker, _hashing: hashing })
    }
}

pub(super) struct Slot {
    cost: u32,
    _place: OwnedSemaphorePermit,
    _worker: OwnedSemaphorePermit,
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
    use super::*;

    fn passwords(workers: usize, queue: usize) -> Passwords {
        Passwords::new(&PasswordSettings { cost: 4, workers, queue })
    }

    #[tokio::test]
    async fn all_72_bytes_of_a_password_count() {
        let slot = passwords(1, 1).slot(Purpose::Registration).await.expect("a slot");
        let password =
            |last: char| Password::parse(&format!("{}{last}", "x".repeat(71))).expect("72");
        let hash = slot.hash(password('a')).await.expect("a hash");
        assert!(hash.expose().starts_with("$2b$04$"));
        assert!(slot.verify(password('a'), hash.clone()).await.expect("verified"));
        assert!(!slot.verify(password('b'), hash).await.expect("verified"));
    }

    #[tokio::test]
    async fn a_password_above_the_queue_limit_is_rejected() {
        let passwords = Arc::new(passwords(1, 1));
        let running = passwords.slot(Purpose::Registration).await.expect("a slot");
        let waiting = tokio::spawn({
            let passwords = Arc::clone(&passwords);
            async move { passwords.slot(Purpose::Registration).await.map(drop) }
        });
        while passwords.registration_queue.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(
            passwords.slot(Purpose::Registration).await,
            Err(Error::HashingQueueFull)
        ));
        drop(running);
        waiting.await.expect("no panic").expect("a slot");
    }

    #[tokio::test]
    async fn a_registration_waits_for_at_most_one_queued_sign_in() {
        let passwords = Arc::new(passwords(1, 8));
        let running = passwords.slot(Purpose::Registration).await.expect("a slot");
        let (sender, mut order) = tokio::sync::mpsc::unbounded_channel();
        let request_slot = |purpose, name: &'static str| {
            let (passwords, sender) = (Arc::clone(&passwords), sender.clone());
            tokio::spawn(async move {
                let _slot = passwords.slot(purpose).await.expect("a slot");
                sender.send(name).expect("the receiver is open");
            });
        };
        for _ in 0..4 {
            request_slot(Purpose::SignIn, "sign-in");
        }
        while passwords.sign_in_queue.available_permits() > 9 - 4 {
            tokio::task::yield_now().await;
        }
        request_slot(Purpose::Registration, "registration");
        while passwords.registration_queue.available_permits() > 9 - 2 {
            tokio::task::yield_now().await;
        }
        drop(running);
        assert_eq!(order.recv().await, Some("sign-in"));
        assert_eq!(order.recv().await, Some("registration"));
    }
}
