//! The API's own description: the OpenAPI document, and its route templates.

use super::openapi_service;
use crate::surface::openapi;

/// The OpenAPI document, as JSON with a line break at its end.
#[must_use]
pub fn document() -> String {
    openapi::document(&openapi_service().spec(), |_| {})
}

/// The route template that the pattern of a matched route stands for: the library numbers path
/// parameters (`/sim/msgs/:param0`) where the document names them (`/sim/msgs/{username}`).
#[must_use]
pub fn route_template(pattern: &str) -> String {
    // Every path of this API has one parameter at most, and it is a user's name.
    pattern.replace(":param0", "{username}")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{super::PREFIX, *};

    #[test]
    fn a_template_has_the_documents_parameter_names() {
        let document: Value = serde_json::from_str(&document()).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        for pattern in ["/msgs/:param0", "/fllws/:param0", "/msgs", "/latest", "/register"] {
            let template = route_template(&format!("{PREFIX}{pattern}"));
            let path = template.strip_prefix(PREFIX).expect("the prefix");
            assert!(paths.contains_key(path), "{path}");
        }
        assert_eq!(paths.len(), 5);
    }
}
