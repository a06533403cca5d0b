//! The API's own description: the OpenAPI document, and its routes.

use std::sync::LazyLock;

use super::{PREFIX, openapi_service};
use crate::http::{openapi, routes::Routes};

/// The OpenAPI document, as JSON with a line break at its end.
#[must_use]
pub fn document() -> String {
    openapi::document(&openapi_service().spec())
}

/// The paths of the document.
pub(super) static ROUTES: LazyLock<Routes> = LazyLock::new(|| Routes::of(&document(), PREFIX));

/// The route template that the pattern of a matched route stands for.
#[must_use]
pub fn route_template(pattern: &str) -> String {
    ROUTES.template(pattern)
}
