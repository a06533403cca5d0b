//! Readiness: whether this server can serve reads and writes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use crate::db::{self, Database, migrations, write_probes};

/// The shortest time between two probes. Requests in between get the last result.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// The reason why this server is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// This program cannot use the schema, or the database is unavailable.
    #[error(transparent)]
    Schema(#[from] migrations::Error),
    /// The history of the schema is right, but its objects are not those of this program.
    #[error("the database's schema is damaged")]
    Objects(#[source] Arc<migrations::Error>),
    /// Writes fail, although the schema could be read.
    #[error("the database does not accept writes; reads work")]
    Writes(#[source] Arc<db::Error>),
}

impl NotReady {
    /// The reason as text for clients. It may name versions, but no details of the database.
    pub fn public_reason(&self) -> String {
        use migrations::Error::{Changed, Pending, ProgramTooOld, UnknownHistory};
        match self {
            Self::Writes(_)
            | Self::Objects(_)
            | Self::Schema(
                ProgramTooOld { .. } | UnknownHistory { .. } | Pending(_) | Changed(_),
            ) => self.to_string(),
            Self::Schema(_) => "the database cannot be used".to_owned(),
        }
    }
}

/// A cause that concurrent readiness checks share.
#[derive(Clone)]
enum Cause {
    Objects(Arc<migrations::Error>),
    Writes(Arc<db::Error>),
}

impl From<Cause> for NotReady {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Objects(error) => Self::Objects(error),
            Cause::Writes(error) => Self::Writes(error),
        }
    }
}

/// The result of the last probes, which concurrent readiness checks share.
#[derive(Default)]
pub(super) struct Readiness {
    last: Mutex<Option<(Instant, Result<(), Cause>)>>,
}

impl Readiness {
    pub(super) async fn check(&self, database: &Database) -> Result<(), NotReady> {
        database.check_schema().await?;
        let mut last = self.last.lock().await;
        let recent = last.as_ref().filter(|(at, _)| at.elapsed() < PROBE_INTERVAL);
        let result = match recent {
            Some((_, result)) => result.clone(),
            None => {
                let result = probe(database).await;
                *last = Some((Instant::now(), result.clone()));
                result
            }
        };
        Ok(result?)
    }
}

async fn probe(database: &Database) -> Result<(), Cause> {
    database.check_objects().await.map_err(|error| Cause::Objects(Arc::new(error)))?;
    write_probes::write(database).await.map_err(|error| Cause::Writes(Arc::new(error)))
}
