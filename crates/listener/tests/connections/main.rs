//! Clients that send slowly, that do not read, and that behave well, on real sockets. Each test shortens
//! only the limit under test.

#![allow(clippy::expect_used, clippy::panic, reason = "tests and their helpers fail by panicking")]

mod capacity;
mod deadlines;
mod protocol;
mod stop;
mod support;
