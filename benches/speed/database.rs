//! A database of the cluster.

use std::path::PathBuf;

use minitwit::seed::Volume;
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};

/// A database of the cluster.
#[derive(Clone)]
pub struct Database {
    pub name: &'static str,
    pub volume: Volume,
    pub options: PgConnectOptions,
}

impl Database {
    /// Its URL.
    pub fn url(&self) -> String {
        self.options.to_url_lossy().to_string()
    }

    /// Directory of the server's socket.
    pub fn socket(&self) -> PathBuf {
        self.options.get_socket().cloned().unwrap_or_default()
    }

    pub fn user(&self) -> &str {
        self.options.get_username()
    }

    pub async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        self.options.connect().await
    }
}
