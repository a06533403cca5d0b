//! Keeps indexes of texts right when the C library or PostgreSQL has changed: after an upgrade of the
//! system, or a restore on another one.

use super::{Failure, database::Source};
use crate::db::{Connection, text_rules};

/// Builds the indexes of the embedded database again if their rules have changed. For a given database it
/// warns: other programs may use it.
pub(super) async fn check(source: &Source) -> Result<(), Failure> {
    let mut connection = source.connect().await?;
    if source.is_embedded() {
        let rules = text_rules::current(&mut connection).await?;
        let recorded = text_rules::recorded(&mut connection).await?;
        if recorded.as_ref() != Some(&rules) {
            let indexes = text_rules::rebuild(&mut connection, &rules).await?.join(", ");
            if let Some(before) = recorded {
                tracing::info!(
                    indexes,
                    before,
                    now = rules,
                    "PostgreSQL or the C library has changed; built the indexes of texts again"
                );
            }
        }
    } else if let Some((built, now)) = text_rules::changed_version(&mut connection).await? {
        tracing::warn!(
            built,
            now,
            "the database's indexes of texts were built with another version of its collation and may miss \
             rows; run REINDEX DATABASE, then ALTER DATABASE … REFRESH COLLATION VERSION"
        );
    }
    Ok(connection.close().await?)
}
