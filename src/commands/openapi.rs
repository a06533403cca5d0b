//! `minitwit openapi`: prints an API document, as stored in `openapi/`.

use std::io::Write;

use super::Failure;
use crate::{api, config::ApiName, simulator_api};

pub(super) fn run(api: ApiName) -> Result<(), Failure> {
    let document = match api {
        ApiName::Api => api::document(),
        ApiName::Simulator => simulator_api::document(),
    };
    std::io::stdout().write_all(document.as_bytes())?;
    Ok(())
}
