//! The final form of a document: poem-openapi's document with examples that are safe to try.
//!
//! Swagger UI fills a form with the examples and defaults of the document. It must not fill in optional
//! values: a cursor of another list, a used idempotency key or a number for `latest` would change the
//! result. So only required parameters and fields keep their examples; descriptions state the others.
//! An API can name optional fields of bodies that belong to a useful first request.

use serde_json::{Map, Value, json};

/// Finishes poem-openapi's document `spec`. `adjust` changes it first.
///
/// The examples of request bodies also keep the optional fields in `kept`: pairs of a schema and a
/// field. The result is JSON with a line break at its end.
pub fn document(spec: &str, kept: &[(&str, &str)], adjust: impl FnOnce(&mut Value)) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(spec) else { return spec.to_owned() };
    adjust(&mut document);
    add_field_examples(&mut document);
    shorten_request_examples(&mut document, kept);
    for operation in operations(&mut document) {
        describe_optional_parameters(operation);
        move_error_examples(operation);
        // Linters require an empty `security` of operations without one.
        operation.entry("security").or_insert_with(|| json!([]));
    }
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_else(|_| spec.to_owned());
    text.push('\n');
    text
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let paths = paths.into_iter().flat_map(|paths| paths.values_mut());
    let methods = paths.filter_map(Value::as_object_mut).flat_map(|methods| methods.values_mut());
    methods.filter_map(Value::as_object_mut)
}

fn schemas(document: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    schemas.into_iter().flatten()
}

/// `document` with the name that the session's cookie has in one instance.
pub fn with_session_cookie(document: &str, name: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(document) else { return document.to_owned() };
    if let Some(found) = value.pointer_mut("/components/securitySchemes/session/name") {
        *found = name.into();
    }
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_else(|_| document.to_owned());
    text.push('\n');
    text
}

/// Copies each schema's example to its fields; poem-openapi adds it only to the schema.
fn add_field_examples(document: &mut Value) {
    for (_, schema) in schemas(document) {
        let Some(example) = schema.get("example").cloned() else { continue };
        let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
        for (name, field) in fields.into_iter().flatten() {
            if let (Some(field), Some(value)) = (field.as_object_mut(), example.get(name)) {
                field.insert("example".to_owned(), value.clone());
            }
        }
    }
}

/// Removes optional fields, except those in `kept`, from the examples of request bodies, with which
/// Swagger UI fills the form.
///
/// If a schema has `minProperties`, as many fields remain.
fn shorten_request_examples(document: &mut Value, kept: &[(&str, &str)]) {
    let bodies = operations(document).filter_map(|operation| {
        let content = operation.get("requestBody")?.get("content")?.as_object()?;
        let reference = content.values().next()?.pointer("/schema/$ref")?.as_str()?;
        reference.rsplit('/').next().map(str::to_owned)
    });
    let bodies: Vec<String> = bodies.collect();
    for (schema_name, schema) in schemas(document).filter(|(name, _)| bodies.contains(name)) {
        let is_kept = |field: &str| kept.contains(&(schema_name.as_str(), field));
        let required = schema.get("required").and_then(Value::as_array).cloned();
        let required = required.unwrap_or_default();
        let minimum = schema.get("minProperties").and_then(Value::as_u64).unwrap_or_default();
        let Some(example) = schema.get_mut("example").and_then(Value::as_object_mut) else {
            continue;
        };
        let mut remaining = 0;
        example.retain(|name, _| {
            let is_required = required.iter().any(|it| it == name);
            let keep = remaining < minimum || is_required || is_kept(name);
            remaining += u64::from(keep);
            keep
        });
    }
}

/// Moves the default and the example of optional parameters to their descriptions.
fn describe_optional_parameters(operation: &mut Map<String, Value>) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        if parameter.get("required").and_then(Value::as_bool) == Some(true) {
            continue;
        }
        let mut schema = parameter.get_mut("schema").and_then(Value::as_object_mut);
        let mut take = |name| schema.as_mut()?.shift_remove(name);
        let note = match (take("default"), take("example")) {
            (Some(default), _) => format!(" Default: `{}`.", plain(&default)),
            (None, Some(example)) => format!(" Example: `{}`.", plain(&example)),
            (None, None) => continue,
        };
        if let Some(Value::String(description)) = parameter.get_mut("description") {
            description.push_str(&note);
        }
    }
}

/// The value as in a URL: a string without quotation marks.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Moves the examples of [`error_responses`](super::error_responses()) from the schema to the media
/// type.
fn move_error_examples(operation: &mut Map<String, Value>) {
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    let contents = responses.into_iter().flat_map(|responses| responses.values_mut());
    let contents = contents.filter_map(|response| response.get_mut("content")?.as_object_mut());
    for media_type in contents.flat_map(|content| content.values_mut()) {
        let schema = media_type.get("schema");
        let Some((type_schema, examples)) = schema.and_then(|schema| {
            let examples = schema.get("example")?.as_object()?.clone();
            Some((schema.pointer("/allOf/0")?.clone(), examples))
        }) else {
            continue;
        };
        let mut values = examples.values();
        let example = match (values.next(), values.next()) {
            (Some(only), None) => ("example", only.get("value").cloned().unwrap_or_default()),
            _ => ("examples", examples.into()),
        };
        *media_type = json!({"schema": type_schema, example.0: example.1});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(document: &Value) -> Value {
        let kept = [("E", "b")];
        serde_json::from_str(&super::document(&document.to_string(), &kept, |_| {})).expect("JSON")
    }

    #[test]
    fn only_required_parameters_keep_their_values() {
        let parameter = |name, required, schema: Value| json!({"name": name, "required": required, "description": "It.", "schema": schema});
        let document = finished(&json!({"paths": {"/a": {"get": {"parameters": [
            parameter("id", true, json!({"type": "integer", "example": 7})),
            parameter("limit", false, json!({"type": "integer", "default": 30, "example": 30})),
            parameter("cursor", false, json!({"type": "string", "example": "1_2"})),
            parameter("x", false, json!({"type": "string"})),
        ]}}}}));
        let parameters = &document["paths"]["/a"]["get"]["parameters"];
        let shown: Vec<_> = parameters
            .as_array()
            .expect("parameters")
            .iter()
            .map(|parameter| (parameter["description"].clone(), parameter["schema"].clone()))
            .collect();
        assert_eq!(
            shown,
            [
                (json!("It."), json!({"type": "integer", "example": 7})),
                (json!("It. Default: `30`."), json!({"type": "integer"})),
                (json!("It. Example: `1_2`."), json!({"type": "string"})),
                (json!("It."), json!({"type": "string"})),
            ]
        );
    }

    #[test]
    fn an_example_of_a_request_has_the_required_and_the_named_fields() {
        let schema = |required: Value, minimum: u64| {
            json!({"required": required, "minProperties": minimum, "example": {"a": 1, "b": 2},
                "properties": {"a": {}, "b": {}}})
        };
        let body = |name| json!({"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": name}}}}}});
        let document = finished(&json!({
            "paths": {"/a": body("#/components/schemas/A"), "/b": body("#/components/schemas/B"), "/c": body("#/components/schemas/C"),
                "/e": body("#/components/schemas/E")},
            "components": {"schemas": {
                "A": schema(json!(["b"]), 0), "B": schema(json!([]), 1), "C": schema(json!([]), 0), "D": schema(json!([]), 0),
                "E": schema(json!([]), 0),
            }},
        }));
        let schemas = &document["components"]["schemas"];
        for (name, example) in [
            ("A", json!({"b": 2})),
            ("B", json!({"a": 1})),
            ("C", json!({})),
            ("D", json!({"a": 1, "b": 2})),
            ("E", json!({"b": 2})),
        ] {
            assert_eq!(schemas[name]["example"], example, "{name}");
            assert_eq!(
                schemas[name]["properties"],
                json!({"a": {"example": 1}, "b": {"example": 2}})
            );
        }
    }

    #[test]
    fn error_examples_move_from_the_schema_to_the_media_type() {
        let one = json!({"a": {"summary": "A", "value": 1}});
        let two = json!({"a": {"summary": "A", "value": 1}, "b": {"summary": "B", "value": 2}});
        let response = |examples: &Value| json!({"content": {"application/json": {"schema": {"allOf": [{"$ref": "#/x"}], "example": examples}}}});
        let document = finished(&json!({"paths": {"/a": {"get": {"responses": {
            "404": response(&one), "401": response(&two), "200": {"content": {"application/json": {"schema": {"$ref": "#/y"}}}},
        }}}}}));
        let responses = &document["paths"]["/a"]["get"]["responses"];
        let content = |status: &str| responses[status]["content"]["application/json"].clone();
        assert_eq!(content("404"), json!({"schema": {"$ref": "#/x"}, "example": 1}));
        assert_eq!(content("401"), json!({"schema": {"$ref": "#/x"}, "examples": two}));
        assert_eq!(content("200"), json!({"schema": {"$ref": "#/y"}}));
    }
}
