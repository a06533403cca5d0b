//! The OpenAPI documents and Swagger UI.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use similar::TextDiff;

use crate::support::{
    App,
    documents::{committed, operations},
    process,
};

/// The names of the API documents, and their paths.
const APIS: &[(&str, &str)] = &[
    ("api", "/api/v1/openapi.json"),
    ("simulator", "/sim/openapi.json"),
    ("simulator", "/openapi.json"),
];

/// Asserts that the document equals the committed one.
fn assert_committed(api: &str, document: &str) {
    let committed = committed(api);
    if document != committed {
        let diff = TextDiff::from_lines(committed.as_str(), document);
        panic!(
            "the API has changed; if that is intended, run `make openapi` and commit the file\n{}",
            diff.unified_diff().header(&format!("openapi/{api}.json"), "served")
        );
    }
}

#[tokio::test]
async fn the_served_documents_are_the_committed_ones() {
    let app = App::start().await;
    for (api, path) in APIS {
        let response = app.anonymous().get(path).await;
        assert_eq!((response.status, response.header("content-type")), (200, "application/json"));
        // The served document contains the name of the instance's cookie.
        let name = "\"name\": \"session_";
        let served = match response.body.split_once(name) {
            Some((before, after)) => format!("{before}\"name\": \"session{}", &after[8..]),
            None => response.body,
        };
        assert_committed(api, &served);
    }
}

#[test]
fn the_printed_documents_are_the_committed_ones() {
    for (api, _) in APIS {
        let output = process::minitwit(&["openapi", api]).output().expect("the program runs");
        assert!(output.status.success(), "{output:?}");
        assert_committed(api, &String::from_utf8(output.stdout).expect("UTF-8"));
    }
}

#[track_caller]
fn assert_described(value: &Value, what: &str) {
    assert!(value.as_str().is_some_and(|text| text.len() > 2), "{what} has no description");
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Map<String, Value> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).expect(reference),
        None => schema,
    };
    schema.as_object().expect("a schema")
}

#[test]
fn the_simulator_api_has_the_operations_of_the_contract() {
    let document: Value = serde_json::from_str(&committed("simulator")).expect("JSON");
    let names: BTreeSet<_> = operations(&document).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names.iter().map(String::as_str).collect::<Vec<_>>(),
        [
            "GET /fllws/{username}",
            "GET /latest",
            "GET /msgs",
            "GET /msgs/{username}",
            "POST /fllws/{username}",
            "POST /msgs/{username}",
            "POST /register",
        ]
    );
}

/// Swagger UI fills in the example or default of a parameter. The description states those of an
/// optional one.
#[track_caller]
fn assert_prefilled_only_if_required(parameter: &Value, what: &str) {
    let required = parameter["required"] == true;
    let schema = &parameter["schema"];
    assert_eq!(schema.get("example").is_some(), required, "{what}: example");
    assert!(schema.get("default").is_none(), "{what}: default");
    for value in ["example", "examples"] {
        assert!(parameter.get(value).is_none(), "{what}: {value}");
    }
    let description = parameter["description"].as_str().expect("a description");
    let stated = description.contains(" Example: `") || description.contains(" Default: `");
    assert_eq!(stated, !required, "{what}: {description}");
}

#[test]
fn an_example_of_a_request_has_only_the_required_and_useful_fields() {
    for (api, _) in APIS {
        let document: Value = serde_json::from_str(&committed(api)).expect("JSON");
        for (name, operation) in operations(&document) {
            let content = operation["requestBody"]["content"].as_object();
            let Some(media_type) = content.and_then(|content| content.values().next()) else {
                continue;
            };
            assert_eq!(media_type.as_object().map(Map::len), Some(1), "{name}: only a schema");
            let schema = resolve(&document, &media_type["schema"]);
            let example = schema["example"].as_object().expect("an example");
            let fields: BTreeSet<&str> = example.keys().map(String::as_str).collect();
            let required = schema.get("required").and_then(Value::as_array);
            let mut expected: BTreeSet<&str> =
                required.into_iter().flatten().filter_map(Value::as_str).collect();
            expected.extend(match name.as_str() {
                // One of its two fields is required.
                "POST /fllws/{username}" => Some("follow"),
                // What a script that changes a bio needs.
                "POST /tokens" => Some("scopes"),
                "PATCH /users/{username}" => Some("bio"),
                _ => None,
            });
            assert_eq!(fields, expected, "{name}");
        }
    }
}

#[test]
fn both_documents_say_whom_to_ask_and_where_to_read_on() {
    for (api, _) in APIS {
        let document: Value = serde_json::from_str(&committed(api)).expect("JSON");
        for pointer in ["/info/contact/name", "/info/contact/url", "/externalDocs/url"] {
            let value = document.pointer(pointer).unwrap_or(&Value::Null);
            assert_described(value, &format!("{api}: {pointer}"));
        }
    }
}

/// The last word of each schema's name.
const NOUNS: &[&str] = &[
    "Account",
    "Change",
    "Content",
    "Deletion",
    "Details",
    "Error",
    "Followees",
    "Latest",
    "Message",
    "Page",
    "Problem",
    "Result",
    "Scope",
    "Token",
    "User",
];

#[test]
fn schemas_are_named_by_nouns_of_the_field() {
    for (api, _) in APIS {
        let document: Value = serde_json::from_str(&committed(api)).expect("JSON");
        for name in document["components"]["schemas"].as_object().expect("schemas").keys() {
            assert!(name.chars().all(char::is_alphabetic), "{name}");
            assert!(NOUNS.iter().any(|noun| name.ends_with(noun)), "{name}");
        }
    }
}

/// HTTP gives no meaning to the body of these methods, and some clients and proxies drop it.
#[test]
fn no_operation_that_reads_or_deletes_has_a_body() {
    for (api, _) in APIS {
        let document: Value = serde_json::from_str(&committed(api)).expect("JSON");
        for (name, operation) in operations(&document) {
            let needs_none = name.starts_with("GET ") || name.starts_with("DELETE ");
            assert!(!needs_none || operation.get("requestBody").is_none(), "{api}: {name}");
        }
    }
}

#[test]
fn every_operation_is_described() {
    for (api, _) in APIS {
        let document: Value = serde_json::from_str(&committed(api)).expect("JSON");
        let operations = operations(&document);
        let mut ids = Vec::new();
        for (name, operation) in &operations {
            assert_described(&operation["summary"], &format!("{name}: summary"));
            assert_described(&operation["description"], &format!("{name}: description"));
            assert_described(&operation["operationId"], &format!("{name}: operationId"));
            ids.push(operation["operationId"].as_str());
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let what = format!("{name}: {}", parameter["name"]);
                assert_described(&parameter["description"], &what);
                assert_prefilled_only_if_required(parameter, &what);
            }
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), operations.len(), "operationIds are unique");
        for tag in document["tags"].as_array().expect("tags") {
            assert_described(&tag["description"], &format!("the tag {}", tag["name"]));
        }
        for field in ["title", "version", "description"] {
            assert_described(&document["info"][field], field);
        }
    }
}

/// Fields without an example, because the example of their schema shows the alternative field.
const ALTERNATIVES: &[&str] = &["SearchResult.user"];

#[test]
fn every_field_is_described() {
    for (api, _) in APIS {
        let document: Value = serde_json::from_str(&committed(api)).expect("JSON");
        for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
            assert_described(&schema["description"], name);
            let fields = schema["properties"].as_object();
            assert_ne!(fields.is_some(), schema.get("enum").is_some(), "{name}: fields or values");
            for (field, schema) in fields.into_iter().flatten() {
                let field = format!("{name}.{field}");
                assert_described(&schema["description"], &field);
                let shown = schema.get("example").is_some();
                assert_eq!(shown, !ALTERNATIVES.contains(&field.as_str()), "{field}: example");
            }
        }
    }
}

#[test]
fn every_response_is_described_and_every_error_has_a_schema() {
    let document: Value = serde_json::from_str(&committed("simulator")).expect("JSON");
    for (name, operation) in operations(&document) {
        let responses = operation["responses"].as_object().expect("responses");
        for (status, response) in responses {
            let what = format!("{name}: {status}");
            assert_described(&response["description"], &what);
            let schema = &response["content"]["application/json; charset=utf-8"]["schema"];
            match status.as_str() {
                "204" => assert!(response.get("content").is_none(), "{what}"),
                "200" => assert!(schema.is_object(), "{what}"),
                _ => {
                    let fields = resolve(&document, schema)["properties"].as_object();
                    let fields: Vec<_> = fields.expect("fields").keys().collect();
                    assert_eq!(fields, ["status", "error_msg"], "{what}");
                }
            }
        }
        let expected: &[&str] = match name.as_str() {
            "GET /latest" => &["200", "500", "503"],
            "POST /register" => &["204", "400", "408", "413", "415", "429", "500", "503"],
            "GET /msgs" => &["200", "400", "403", "500", "503"],
            name if name.starts_with("GET") => &["200", "400", "403", "404", "500", "503"],
            _ => &["204", "400", "403", "404", "408", "413", "415", "500", "503"],
        };
        let statuses: BTreeSet<_> = responses.keys().map(String::as_str).collect();
        assert_eq!(statuses, expected.iter().copied().collect(), "{name}");
        let open = matches!(name.as_str(), "GET /latest" | "POST /register");
        assert_eq!(operation["security"].as_array().map(Vec::is_empty), Some(open), "{name}");
    }
}

/// Removes the content of each element `tag` from `page`.
fn without(page: &str, tag: &str) -> String {
    let (begin, end) = (format!("<{tag}"), format!("</{tag}>"));
    let mut parts = page.split(&end);
    let outside = parts.by_ref().map(|part| match part.split_once(&begin) {
        Some((before, rest)) => {
            let attributes = rest.split('>').next().expect("the tag's end");
            format!("{before}{begin}{attributes}>")
        }
        None => part.to_owned(),
    });
    outside.collect()
}

#[tokio::test]
async fn the_documentation_page_loads_no_other_file() {
    let app = App::start().await;
    let page = app.anonymous().get("/docs").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    page.says("<title>MiniTwit API</title>").says("getUserMessages").says("createToken");
    let markup = without(&without(&page.body, "script"), "style");
    assert!(markup.contains("<script") && markup.contains("<body"), "{markup}");
    for reference in ["src=", "href=", "http:", "https:", "@import", "url("] {
        assert!(!markup.contains(reference), "{reference} in {markup}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!policy.contains("http") && !policy.contains('*'), "{policy}");
}
