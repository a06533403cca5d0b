//! The error responses of an operation in a document, each with examples.

use std::collections::BTreeMap;

use poem_openapi::{
    payload::Payload,
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef},
    types::Type,
};
use serde_json::{Map, Value, json};

/// An error response in a document.
#[derive(Debug, Clone)]
pub struct DocumentedError {
    /// The HTTP status.
    pub status: u16,
    /// The name of the example, unique among those of the status.
    pub name: String,
    /// The meaning.
    pub summary: String,
    /// The body of the response.
    pub body: Value,
}

/// Documents error responses with bodies of the type `P`.
///
/// poem-openapi has no examples of media types, so they travel in the schema, from which
/// [`document`](super::document()) takes them.
pub fn error_responses<P: Payload>(
    errors: Vec<DocumentedError>,
    description: fn(u16) -> &'static str,
) -> MetaResponses {
    let mut by_status: BTreeMap<u16, Map<String, Value>> = BTreeMap::new();
    for DocumentedError { status, name, summary, body } in errors {
        let example = json!({"summary": summary, "value": body});
        by_status.entry(status).or_default().insert(name, example);
    }
    let responses = by_status.into_iter().map(|(status, examples)| MetaResponse {
        description: description(status),
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType {
            content_type: P::CONTENT_TYPE,
            schema: MetaSchemaRef::Inline(Box::new(MetaSchema {
                all_of: vec![P::schema_ref()],
                example: Some(examples.into()),
                ..MetaSchema::ANY
            })),
        }],
        headers: error_headers(status),
    });
    MetaResponses { responses: responses.collect() }
}

fn error_headers(status: u16) -> Vec<MetaHeader> {
    let (name, description, schema) = match status {
        401 => ("WWW-Authenticate", "The authentication scheme: `Bearer`.", String::schema_ref()),
        429 | 503 => ("Retry-After", "Seconds to wait before a retry.", u32::schema_ref()),
        _ => return Vec::new(),
    };
    vec![MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema,
    }]
}
