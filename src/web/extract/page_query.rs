//! Which page of a list is asked for: `?before=` and a cursor.

use std::str::FromStr;

use serde::Deserialize;

use crate::domain::InvalidCursor;
use crate::web::failure::Failure;

/// The query string of a list.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct PageQuery {
    before: Option<String>,
}

impl PageQuery {
    /// The cursor, if there is one.
    pub(in crate::web) fn cursor<C: FromStr<Err = InvalidCursor>>(
        &self,
    ) -> Result<Option<C>, Failure> {
        Ok(self.before.as_deref().map(str::parse).transpose()?)
    }

    /// Whether it is the first page.
    pub(in crate::web) fn is_first(&self) -> bool {
        self.before.is_none()
    }
}
