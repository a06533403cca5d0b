//! Password hashing: off the threads that serve requests, and bounded.
//!
//! bcrypt takes tens of milliseconds of a processor by design. At most `workers` passwords are
//! hashed at once, so that a burst leaves processors for everything else; the others wait in line
//! up to a bound, beyond which a request is refused. Sign-ins stand in a line of their own, whose
//! head alone competes with registrations: nobody can hold up registrations by trying passwords.

use std::{sync::Arc, time::Instant};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use super::Error;
use crate::{
    domain::{Password, PasswordHash},
    telemetry::metrics::{self, InFlightGauge},
};

/// How passwords are hashed.
#[derive(Debug, Clone)]
pub struct PasswordSettings {
    /// bcrypt's cost: each step doubles the work.
    pub cost: u32,
    /// How many are hashed at once.
    pub workers: usize,
    /// How many may wait, for each purpose.
    pub queue: usize,
}

/// What a password is hashed for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Registration,
    SignIn,
}

pub(super) struct Passwords {
    cost: u32,
    workers: Arc<Semaphore>,
    registration_places: Arc<Semaphore>,
    sign_in_places: Arc<Semaphore>,
    sign_in_head: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new(settings: &PasswordSettings) -> Self {
        // Whoever is being hashed holds a place, too.
        let place_count = settings.queue + settings.workers;
        let places = || Arc::new(Semaphore::new(place_count));
        Self {
            cost: settings.cost,
            workers: Arc::new(Semaphore::new(settings.workers)),
            registration_places: places(),
            sign_in_places: places(),
            sign_in_head: Arc::new(Semaphore::new(1)),
        }
    }

    /// Waits for a turn to hash. The turn lasts until the slot is dropped.
    pub(super) async fn slot(&self, purpose: Purpose) -> Result<Slot, Error> {
        let (places, label) = match purpose {
            Purpose::Registration => (&self.registration_places, "registration"),
            Purpose::SignIn => (&self.sign_in_places, "sign_in"),
        };
        let place = Arc::clone(places).try_acquire_owned().map_err(|_| {
            metrics::hashing_refused(label);
            Error::Busy
        })?;
        let waiting = InFlightGauge::waiting_password();
        // The semaphores are never closed, so that acquiring cannot fail; were one, nobody hashes.
        let head = match purpose {
            Purpose::Registration => None,
            Purpose::SignIn => Some(self.sign_in_head.acquire().await.map_err(|_| Error::Busy)?),
        };
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(|_| Error::Busy)?;
        drop((head, waiting));
        let hashing = InFlightGauge::hashing();
        Ok(Slot { cost: self.cost, _place: place, _worker: worker, _hashing: hashing })
    }
}

/// A turn to hash.
pub(super) struct Slot {
    cost: u32,
    _place: OwnedSemaphorePermit,
    _worker: OwnedSemaphorePermit,
    _hashing: InFlightGauge,
}

impl Slot {
    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, Error> {
        let cost = self.cost;
        timed(move || bcrypt::hash(password.expose(), cost)).await.map(PasswordHash::new)
    }

    pub(super) async fn verify(
        &self,
        password: Password,
        hash: PasswordHash,
    ) -> Result<bool, Error> {
        timed(move || bcrypt::verify(password.expose(), hash.expose())).await
    }
}

async fn timed<T: Send + 'static>(
    work: impl FnOnce() -> bcrypt::BcryptResult<T> + Send + 'static,
) -> Result<T, Error> {
    let done = spawn_blocking(move || {
        let begun = Instant::now();
        let result = work();
        metrics::hashed(begun.elapsed());
        result
    });
    Ok(done.await.map_err(Error::TaskFailed)??)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords(workers: usize, queue: usize) -> Passwords {
        Passwords::new(&PasswordSettings { cost: 4, workers, queue })
    }

    #[tokio::test]
    async fn all_72_bytes_count() {
        let slot = passwords(1, 1).slot(Purpose::Registration).await.expect("a turn");
        let password =
            |last: char| Password::parse(&format!("{}{last}", "x".repeat(71))).expect("72");
        let hash = slot.hash(password('a')).await.expect("a hash");
        assert!(hash.expose().starts_with("$2b$04$"));
        assert!(slot.verify(password('a'), hash.clone()).await.expect("verified"));
        assert!(!slot.verify(password('b'), hash).await.expect("verified"));
    }

    #[tokio::test]
    async fn beyond_the_queue_a_password_is_refused() {
        let passwords = Arc::new(passwords(1, 1));
        let running = passwords.slot(Purpose::Registration).await.expect("a turn");
        let waiting = tokio::spawn({
            let passwords = Arc::clone(&passwords);
            async move { passwords.slot(Purpose::Registration).await.map(drop) }
        });
        while passwords.registration_places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(passwords.slot(Purpose::Registration).await, Err(Error::Busy)));
        drop(running);
        waiting.await.expect("no panic").expect("its turn came");
    }

    #[tokio::test]
    async fn a_registration_waits_for_one_sign_in_at_most() {
        let passwords = Arc::new(passwords(1, 8));
        let running = passwords.slot(Purpose::Registration).await.expect("a turn");
        let (turns, mut order) = tokio::sync::mpsc::unbounded_channel();
        let enter = |purpose, name: &'static str| {
            let (passwords, turns) = (Arc::clone(&passwords), turns.clone());
            tokio::spawn(async move {
                let _slot = passwords.slot(purpose).await.expect("a turn");
                turns.send(name).expect("somebody reads");
            });
        };
        for _ in 0..4 {
            enter(Purpose::SignIn, "sign-in");
        }
        while passwords.sign_in_places.available_permits() > 9 - 4 {
            tokio::task::yield_now().await;
        }
        enter(Purpose::Registration, "registration");
        while passwords.registration_places.available_permits() > 9 - 2 {
            tokio::task::yield_now().await;
        }
        drop(running);
        assert_eq!(order.recv().await, Some("sign-in"));
        assert_eq!(order.recv().await, Some("registration"));
    }
}
