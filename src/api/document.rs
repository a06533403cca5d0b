//! The API's own description: the OpenAPI document, and which path and methods a matched route has.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{PREFIX, openapi_service};
use crate::surface::openapi;

/// The OpenAPI document, as JSON with a line break at its end.
#[must_use]
pub fn document() -> String {
    openapi::document(&openapi_service().spec(), tell_what_is_open)
}

/// An operation without any security has none on purpose, which linters want to be told.
fn tell_what_is_open(document: &mut Value) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let operations = paths.into_iter().flat_map(|paths| paths.values_mut());
    let operations = operations.filter_map(Value::as_object_mut);
    for operation in operations.flat_map(|methods| methods.values_mut()) {
        if let Some(operation) = operation.as_object_mut() {
            operation.entry("security").or_insert_with(|| json!([]));
        }
    }
}

/// A path of the API.
struct Route {
    /// As the library matches it: with numbers for the parameters' names.
    pattern: String,
    /// As the document writes it.
    template: String,
    /// The methods that it takes, as the header `Allow` lists them.
    allow: String,
}

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(&document()).unwrap_or_default();
    let paths = document.get("paths").and_then(Value::as_object);
    let paths = paths.into_iter().flatten();
    paths.map(|(path, methods)| Route::new(path, methods)).collect()
});

impl Route {
    fn new(path: &str, methods: &Value) -> Self {
        let mut count = 0;
        let number = |segment: &str| {
            if !segment.starts_with('{') {
                return segment.to_owned();
            }
            count += 1;
            format!(":param{}", count - 1)
        };
        let pattern = path.split('/').map(number).collect::<Vec<_>>().join("/");
        let mut allow: Vec<String> = methods
            .as_object()
            .into_iter()
            .flat_map(|methods| methods.keys().map(|method| method.to_uppercase()))
            .collect();
        if allow.iter().any(|method| method == "GET") {
            // HEAD is served as GET is.
            allow.push("HEAD".to_owned());
        }
        Self {
            pattern: format!("{PREFIX}{pattern}"),
            template: format!("{PREFIX}{path}"),
            allow: allow.join(", "),
        }
    }

    fn of(pattern: &str) -> Option<&'static Self> {
        ROUTES.iter().find(|route| route.pattern == pattern)
    }
}

/// The path, as the document writes it, of the route that the library matched by `pattern`.
#[must_use]
pub fn route_template(pattern: &str) -> String {
    Route::of(pattern).map_or(pattern, |route| &route.template).to_owned()
}

/// The methods that the matched route takes, as the header `Allow` lists them.
pub(super) fn allowed_methods(pattern: &str) -> Option<&'static str> {
    Route::of(pattern).map(|route| route.allow.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_has_the_documents_parameter_names() {
        for (pattern, template) in [
            ("/users/:param0", "/users/{username}"),
            ("/tokens/:param0", "/tokens/{token_id}"),
            ("/tokens", "/tokens"),
        ] {
            let (pattern, template) = (format!("{PREFIX}{pattern}"), format!("{PREFIX}{template}"));
            assert_eq!(route_template(&pattern), template);
        }
        assert_eq!(allowed_methods("/api/v1/users/:param0"), Some("GET, DELETE, PATCH, HEAD"));
        assert_eq!(allowed_methods("/elsewhere"), None);
    }
}
