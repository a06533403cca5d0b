//! Middleware that the surfaces and the server put around their endpoints.

pub mod access_log;
pub mod normalize_path;
pub mod request_limits;
pub mod security_headers;
pub mod trusted_proxies;
