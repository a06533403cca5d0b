//! The error of a subcommand.

use std::error::Error;

/// An error that ends the program; its text is printed for the person who started it.
pub(super) type Failure = Box<dyn Error + Send + Sync>;
