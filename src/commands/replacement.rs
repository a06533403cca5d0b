//! Replaces the cluster of a data directory by a restored one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use embedded_postgres::StoppedData;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use super::Failure;

/// The time in the names of replaced clusters.
const SUFFIX: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]-[hour][minute][second]");

/// A data directory with a new cluster, and the path of the old one, if there was one.
pub(super) struct Replaced {
    /// The data directory, absolute.
    pub(super) directory: PathBuf,
    /// The old cluster.
    pub(super) kept: Option<PathBuf>,
    /// The end of its name.
    pub(super) suffix: String,
}

/// Fills a new directory by `fill`, and then makes it the cluster of the data directory. Without
/// `confirmed`, existing data is an error.
pub(super) fn replace(
    directory: &Path,
    postgres_user: Option<&str>,
    confirmed: bool,
    fill: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<Replaced, Failure> {
    let data = StoppedData::lock(directory, postgres_user)?;
    if data.has_data() && !confirmed {
        let directory = data.path().display();
        return Err(format!(
            "the data directory {directory} has a database: confirm with --yes that it is replaced; \
             it is kept under another name"
        )
        .into());
    }
    let suffix = OffsetDateTime::now_utc().format(SUFFIX)?;
    let new = data.make_new_cluster()?;
    if let Err(error) = fill(&new) {
        // The next restore removes what remains.
        let _ = fs::remove_dir_all(&new);
        return Err(error);
    }
    let kept = data.replace_cluster(&new, &suffix)?;
    Ok(Replaced { directory: data.path().to_owned(), kept, suffix })
}
