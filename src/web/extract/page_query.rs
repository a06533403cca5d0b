//! The query parameter `before`: the cursor after which a page of a list starts.

use std::str::FromStr;

use serde::Deserialize;

use crate::{domain::InvalidCursor, web::failure::Failure};

#[derive(Debug, Deserialize)]
pub struct PageQuery {
    before: Option<String>,
}

impl PageQuery {
    pub fn cursor<C: FromStr<Err = InvalidCursor>>(&self) -> Result<Option<C>, Failure> {
        Ok(self.before.as_deref().map(str::parse).transpose()?)
    }

    pub fn is_first_page(&self) -> bool {
        self.before.is_none()
    }
}
