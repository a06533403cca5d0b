//! The running databases and servers that the measurements use.

use std::fs;

use minitwit::seed::Volume;

use crate::{
    Failure,
    cluster::Cluster,
    database::Database,
    http::Http,
    options::{self, Options},
    server::Server,
};

/// Size of the large database.
pub const LARGE: Volume =
    Volume { users: 100_000, messages: 2_000_000, follows: 3_000_000, seed: 1 };
/// Size of the small database: a hundredth, so each user has as many rows as in the large one.
pub const SMALL: Volume = Volume { users: 1_000, messages: 20_000, follows: 30_000, seed: 1 };

/// A seeded database and a server on it.
pub struct SeededServer {
    pub server: Server,
    pub database: Database,
}

pub struct Environment {
    // Fields drop in order: servers before their database.
    pub large: SeededServer,
    pub small: SeededServer,
    pub http: Http,
    pub cluster: Cluster,
}

impl Environment {
    pub fn build(options: &Options) -> Result<Self, Failure> {
        fs::create_dir_all(options::directory())?;
        let cluster = Cluster::start(options.keep)?;
        let start = |name, volume| -> Result<SeededServer, Failure> {
            let database = cluster.seeded(name, volume)?;
            Ok(SeededServer { server: Server::start(&database)?, database })
        };
        let (large, small) = (start("large", LARGE)?, start("small", SMALL)?);
        Ok(Self { large, small, http: Http::new()?, cluster })
    }

    /// Runs a checkpoint, so that the writes of one load do not slow down the next.
    pub fn checkpoint(&self) -> Result<(), Failure> {
        self.cluster.execute(&self.large.database, "CHECKPOINT".to_owned())
    }
}
