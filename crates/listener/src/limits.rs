//! The limits of connections.

use std::time::Duration;

/// How many connections may be open, and how long each may wait for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The longest time without a write and without the first byte of a request. A long response
    /// must write something more often.
    pub idle: Duration,
    /// The longest time from the first byte of a request to the end of its head.
    pub header: Duration,
    /// The longest time that bytes may wait for the client to read.
    pub write: Duration,
    /// The number of open connections. Beyond it, idle connections are given up; if none is idle,
    /// further connections wait in the kernel's queue.
    pub max_connections: usize,
    /// The number of open connections of one address, or of one IPv6 network of 64 bits. Beyond it,
    /// idle connections of the address are given up; if none is idle, a new one is closed.
    pub per_address: usize,
}
