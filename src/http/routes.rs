//! The routes of an API, in the notation of its OpenAPI document and of the router.

use serde_json::Value;

use super::openapi::DOCUMENT_PATH;

/// The routes of one API.
#[derive(Debug)]
pub struct Routes {
    prefix: &'static str,
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    /// The path in the router, where parameters have numbers.
    pattern: String,
    /// The path in the document.
    path: String,
    allow: String,
}

impl Routes {
    /// The routes of `document`, whose API is served below `prefix`, and of the document itself.
    pub fn of(document: &str, prefix: &'static str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let own = Route {
            pattern: DOCUMENT_PATH.to_owned(),
            path: DOCUMENT_PATH.to_owned(),
            allow: "GET, HEAD".to_owned(),
        };
        let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
        let routes = paths.map(|(path, methods)| Route::of(path, methods)).chain([own]).collect();
        Self { prefix, routes }
    }

    /// The route template of a matched pattern.
    ///
    /// The router numbers path parameters (`/sim/msgs/:param0`), and the document names them
    /// (`/sim/msgs/{username}`).
    pub fn template(&self, pattern: &str) -> String {
        match self.find(pattern) {
            Some((prefix, route)) => format!("{prefix}{}", route.path),
            None => pattern.to_owned(),
        }
    }

    /// The value of the header `Allow` for a matched pattern.
    pub fn allow(&self, pattern: &str) -> Option<&str> {
        self.find(pattern).map(|(_, route)| route.allow.as_str())
    }

    /// The route of a pattern, and its prefix. The simulator API is also served without a prefix.
    fn find(&self, pattern: &str) -> Option<(&'static str, &Route)> {
        let (prefix, rest) = match pattern.strip_prefix(self.prefix) {
            Some(rest) => (self.prefix, rest),
            None => ("", pattern),
        };
        let route = self.routes.iter().find(|route| route.pattern == rest)?;
        Some((prefix, route))
    }
}

impl Route {
    fn of(path: &str, methods: &Value) -> Self {
        let mut count = 0;
        let number = |segment: &str| {
            if !segment.starts_with('{') {
                return segment.to_owned();
            }
            count += 1;
            format!(":param{}", count - 1)
        };
        let pattern = path.split('/').map(number).collect::<Vec<_>>().join("/");
        let methods = methods.as_object().into_iter().flat_map(|methods| methods.keys());
        let mut allow: Vec<String> = methods.map(|method| method.to_uppercase()).collect();
        if allow.iter().any(|method| method == "GET") {
            // HEAD is served like GET.
            allow.push("HEAD".to_owned());
        }
        Self { pattern, path: path.to_owned(), allow: allow.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_have_the_parameter_names_and_methods_of_the_document() {
        let document =
            r#"{"paths": {"/a": {"get": {}, "put": {}}, "/a/{x}/b/{y}": {"delete": {}}}}"#;
        let routes = Routes::of(document, "/api");
        for (pattern, template, allow) in [
            ("/api/a", "/api/a", Some("GET, PUT, HEAD")),
            ("/a", "/a", Some("GET, PUT, HEAD")),
            ("/api/a/:param0/b/:param1", "/api/a/{x}/b/{y}", Some("DELETE")),
            ("/api/elsewhere", "/api/elsewhere", None),
            ("", "", None),
        ] {
            assert_eq!(
                (routes.template(pattern).as_str(), routes.allow(pattern)),
                (template, allow)
            );
        }
    }
}
