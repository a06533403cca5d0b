//! The contact in `security.txt`.

/// Where to report vulnerabilities: a URI, or `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityContact(pub Option<String>);
