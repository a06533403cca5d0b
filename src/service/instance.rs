//! The instance that this server belongs to.

use super::{error::Error, state::Service};
use crate::{db::instance, domain::Instance};

impl Service {
    /// The instance. The first call reads it; all servers of a database have the same.
    pub async fn instance(&self) -> Result<&Instance, Error> {
        let read = async || {
            let lifetime = self.inner.session_lifetime;
            Ok(instance::get_or_insert(self.database(), lifetime).await?)
        };
        self.inner.instance.get_or_try_init(read).await
    }

    /// The instance, if it has been read.
    pub fn known_instance(&self) -> Option<&Instance> {
        self.inner.instance.get()
    }
}
