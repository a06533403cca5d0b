//! The API's own description: the OpenAPI document, its Swagger UI, and its route templates.

use serde_json::Value;

use super::openapi;

/// The OpenAPI document, as JSON with a line break at its end.
#[must_use]
pub fn document() -> String {
    let mut text = with_field_examples(&openapi().spec());
    text.push('\n');
    text
}

/// A page that shows the document and tries it out. It loads nothing from elsewhere.
#[must_use]
pub fn swagger_ui() -> String {
    let service = openapi();
    service
        .swagger_ui_html()
        .replace(&service.spec(), &document())
        .replacen("<html", "<!doctype html>\n<html lang=\"en\"", 1)
        .replacen("Swagger UI", "MiniTwit simulator API", 1)
}

/// The route template that the pattern of a matched route stands for: the library numbers path
/// parameters (`/sim/msgs/:param0`) where the document names them (`/sim/msgs/{username}`).
#[must_use]
pub fn route_template(pattern: &str) -> String {
    // Every path of this API has one parameter at most, and it is a user's name.
    pattern.replace(":param0", "{username}")
}

/// The library documents an example a schema; readers look for one at each field.
fn with_field_examples(spec: &str) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(spec) else { return spec.to_owned() };
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for schema in schemas.into_iter().flat_map(|schemas| schemas.values_mut()) {
        let Some(example) = schema.get("example").cloned() else { continue };
        let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
        for (name, field) in fields.into_iter().flatten() {
            if let (Some(field), Some(value)) = (field.as_object_mut(), example.get(name)) {
                field.insert("example".to_owned(), value.clone());
            }
        }
    }
    serde_json::to_string_pretty(&document).unwrap_or_else(|_| spec.to_owned())
}

#[cfg(test)]
mod tests {
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
