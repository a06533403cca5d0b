//! Pages and forms, and the rules by which browsers may use them.

pub mod client;
pub mod csrf;
