//! A MiniTwit in memory that obeys every rule of the contract except one.
//!
//! Each rule that a check names is broken as narrowly as possible, so that a check that looks at more
//! than its own rule also fails.

mod api;
mod request;
mod state;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use api::Api;
use poem::{Server, listener::TcpAcceptor};
use state::State;
use tokio::{net::TcpListener, task::JoinHandle};

/// The server, stopped when dropped.
pub struct RuleBreaker {
    pub base: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<io::Result<()>>,
}

impl RuleBreaker {
    /// Starts a server that breaks this rule. It restarts once the file `restart` exists.
    pub async fn start(broken: &'static str, restart: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let acceptor = TcpAcceptor::from_tokio(listener).expect("a listener");
        let state = Arc::new(Mutex::new(State::new(broken, restart)));
        let api = Api::new(broken, Arc::clone(&state));
        let serving = tokio::spawn(Server::new_with_acceptor(acceptor).run(api));
        Self { base, state, serving }
    }

    pub fn set_latest(&self, latest: i64) {
        self.state.lock().expect("no panic").latest = latest;
    }

    pub fn latest(&self) -> i64 {
        self.state.lock().expect("no panic").latest
    }
}

impl Drop for RuleBreaker {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
