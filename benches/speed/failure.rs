//! The error of the benchmark.

use std::error::Error;

/// An error that ends the benchmark.
pub type Failure = Box<dyn Error>;
