//! `minitwit openapi`: prints the document that `openapi/` holds.

use std::io::Write;

use super::Failure;
use crate::sim;

pub(super) fn run() -> Result<(), Failure> {
    std::io::stdout().write_all(sim::document().as_bytes())?;
    Ok(())
}
