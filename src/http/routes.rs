//! The paths of an API, as its document has them and as the library matches them.

use serde_json::Value;

/// The paths of one API.
#[derive(Debug)]
pub struct Routes {
    prefix: &'static str,
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    /// As the library matches it: with numbers for the parameters' names.
    pattern: String,
    /// As the document writes it.
    path: String,
    /// The methods that it takes, as the header `Allow` lists them.
    allow: String,
}

impl Routes {
    /// The paths of this document, whose API is served below `prefix`.
    #[must_use]
    pub fn of(document: &str, prefix: &'static str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
        Self { prefix, routes: paths.map(|(path, methods)| Route::of(path, methods)).collect() }
    }

    /// The route template that the pattern of a matched route stands for: the library numbers path
    /// parameters (`/sim/msgs/:param0`) where the document names them (`/sim/msgs/{username}`).
    #[must_use]
    pub fn template(&self, pattern: &str) -> String {
        match self.find(pattern) {
            Some((prefix, route)) => format!("{prefix}{}", route.path),
            None => pattern.to_owned(),
        }
    }

    /// The methods that the matched route takes, as the header `Allow` lists them.
    #[must_use]
    pub fn allow(&self, pattern: &str) -> Option<&str> {
        self.find(pattern).map(|(_, route)| route.allow.as_str())
    }

    /// A route, and the prefix with which it was matched: an API may also be served without.
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
            // HEAD is served as GET is.
            allow.push("HEAD".to_owned());
        }
        Self { pattern, path: path.to_owned(), allow: allow.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_the_documents_parameter_names_and_methods() {
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
