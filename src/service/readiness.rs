//! Readiness: whether this server can serve reads and writes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use crate::db::{self, Database, migrations, write_probes};

/// The shortest time between two write probes. Requests in between get the last result.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// The reason why this server is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// This program cannot use the schema, or the database is unavailable.
    #[error(transparent)]
    Schema(#[from] migrations::Error),
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
            | Self::Schema(
                ProgramTooOld { .. } | UnknownHistory { .. } | Pending(_) | Changed(_),
            ) => self.to_string(),
            Self::Schema(_) => "the database cannot be used".to_owned(),
        }
    }
}

type Written = Result<(), Arc<db::Error>>;

/// The last write probe, which concurrent readiness checks share.
#[derive(Default)]
pub(super) struct Readiness {
    last: Mutex<Option<(Instant, Written)>>,
}

impl Readiness {
    pub(super) async fn check(&self, database: &Database) -> Result<(), NotReady> {
        database.check_schema().await?;
        let mut last = self.last.lock().await;
        let recent = last.as_ref().filter(|(at, _)| at.elapsed() < PROBE_INTERVAL);
        let result = match recent {
            Some((_, result)) => result.clone(),
            None => {
                let result = write_probes::write(database).await.map_err(Arc::new);
                *last = Some((Instant::now(), result.clone()));
                result
            }
        };
        result.map_err(NotReady::Writes)
    }
}
