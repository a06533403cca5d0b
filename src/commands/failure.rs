//! The error of a subcommand.

use std::error::Error;

/// An error that ends the program. The program prints its text.
pub(super) type Failure = Box<dyn Error + Send + Sync>;
