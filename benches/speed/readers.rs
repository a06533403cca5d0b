//! Clients that repeat one costly read, and wait as the server says when it rejects them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, StatusCode, header};
use tokio::{runtime::Runtime, task::JoinHandle};

use crate::Failure;

/// The number of clients, each with one connection.
const CLIENTS: usize = 32;

/// Running clients.
pub struct Readers {
    runtime: Runtime,
    clients: Vec<JoinHandle<Result<(), String>>>,
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    url: String,
    cookie: String,
    stopped: AtomicBool,
    answered: AtomicU64,
    rejected: AtomicU64,
}

impl Readers {
    /// Starts clients that read `url` with this cookie, which may be empty.
    pub fn start(url: String, cookie: String) -> Result<Self, Failure> {
        // One thread, so that they cannot take all processors from the server.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let shared = Arc::new(Shared {
            client: Client::builder().pool_max_idle_per_host(CLIENTS).build()?,
            url,
            cookie,
            stopped: AtomicBool::new(false),
            answered: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        });
        let clients = (0..CLIENTS).map(|_| runtime.spawn(read(Arc::clone(&shared)))).collect();
        Ok(Self { runtime, clients, shared })
    }

    /// Stops the clients. Returns how many requests were answered and how many rejected.
    pub fn finish(self) -> Result<(u64, u64), Failure> {
        self.shared.stopped.store(true, Ordering::Relaxed);
        for client in self.clients {
            self.runtime.block_on(client)??;
        }
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ok((count(&self.shared.answered), count(&self.shared.rejected)))
    }
}

async fn read(shared: Arc<Shared>) -> Result<(), String> {
    while !shared.stopped.load(Ordering::Relaxed) {
        let request = shared.client.get(&shared.url).header(header::COOKIE, &shared.cookie);
        let response = request.send().await.map_err(|error| error.to_string())?;
        let status = response.status();
        let wait = response.headers().get(header::RETRY_AFTER).and_then(|it| it.to_str().ok());
        let wait = wait.and_then(|seconds| seconds.parse().ok());
        response.bytes().await.map_err(|error| error.to_string())?;
        match (status, wait) {
            (StatusCode::OK, _) => shared.answered.fetch_add(1, Ordering::Relaxed),
            (StatusCode::SERVICE_UNAVAILABLE, Some(seconds)) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                shared.rejected.fetch_add(1, Ordering::Relaxed)
            }
            _ => return Err(format!("{} is answered {status}", shared.url)),
        };
    }
    Ok(())
}
