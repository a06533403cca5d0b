//! The instance: one database and the servers that use it.

use time::OffsetDateTime;

/// What distinguishes an instance from others on the same host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Eight hexadecimal digits, in the names of cookies.
    pub name: String,
    /// Until then, the server reads session cookies with the name that earlier programs gave them.
    pub former_cookies_until: OffsetDateTime,
}

impl Instance {
    /// Whether session cookies with the former name count.
    pub fn reads_former_cookies(&self) -> bool {
        OffsetDateTime::now_utc() < self.former_cookies_until
    }
}
