//! The committed API documents: their operations and the examples in them.

use std::{fs, path::Path};

use reqwest::Method;
use serde_json::Value;

/// The committed text of a document, `api` or `simulator`.
pub fn committed(api: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("openapi/{api}.json"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The operations of a document by name, such as `GET /msgs`.
pub fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods").iter();
        methods.map(move |(method, it)| (format!("{} {path}", method.to_uppercase()), it))
    });
    operations.collect()
}

/// An operation as a client knows it from the document.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The method and the path, such as `GET /msgs`.
    pub name: String,
    pub id: String,
    pub method: Method,
    pub path: String,
    /// The example of the request body, if the operation has one.
    pub body: Option<Value>,
    /// The errors: the key of the response and the example of its body.
    pub errors: Vec<(String, Value)>,
}

/// The operations of a committed document, in its order.
pub fn documented(api: &str) -> Vec<Operation> {
    let document: Value = serde_json::from_str(&committed(api)).expect("JSON");
    let operations = operations(&document).into_iter().map(|(name, operation)| {
        let (method, path) = name.split_once(' ').expect("a method and a path");
        Operation {
            method: Method::from_bytes(method.as_bytes()).expect("a method"),
            path: path.to_owned(),
            id: operation["operationId"].as_str().expect("an id").to_owned(),
            body: request_example(&document, operation),
            errors: error_examples(operation),
            name,
        }
    });
    operations.collect()
}

fn request_example(document: &Value, operation: &Value) -> Option<Value> {
    let content = operation["requestBody"]["content"].as_object()?;
    let schema = content.values().next()?["schema"]["$ref"].as_str()?;
    document.pointer(&schema[1..])?.get("example").cloned()
}

fn error_examples(operation: &Value) -> Vec<(String, Value)> {
    let responses = operation["responses"].as_object().expect("responses");
    let errors = responses.iter().filter(|(status, _)| status.as_str() >= "400");
    let examples = errors.flat_map(|(status, response)| {
        let content = response["content"].as_object().expect("a body");
        content.values().flat_map(move |media_type| {
            let several = media_type["examples"].as_object().into_iter().flatten();
            let several = several.map(|(_, example)| example["value"].clone());
            let one = media_type.get("example").cloned();
            let all: Vec<Value> = one.into_iter().chain(several).collect();
            assert!(!all.is_empty(), "{}: {status} has no example", operation["operationId"]);
            all.into_iter().map(move |example| (status.clone(), example))
        })
    });
    examples.collect()
}
