//! Which page of a list is asked for: `?before=` and a cursor.

use std::str::FromStr;

use serde::Deserialize;

use super::failure::Failure;
use crate::domain::InvalidCursor;

/// The query string of a list.
#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    before: Option<String>,
}

impl PageQuery {
    /// The cursor, if there is one.
    pub(super) fn cursor<C: FromStr<Err = InvalidCursor>>(&self) -> Result<Option<C>, Failure> {
        Ok(self.before.as_deref().map(str::parse).transpose()?)
    }

    /// Whether it is the first page.
    pub(super) fn is_first(&self) -> bool {
        self.before.is_none()
    }
}
