//! Shared parts of the OpenAPI documents: their final form, their error responses, and the page that
//! shows them.

use poem_openapi::{
    LicenseObject, OpenApiService,
    payload::Payload,
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses},
    types::Type,
};
use serde_json::{Value, json};

/// An API on the documentation page.
#[derive(Debug, Clone)]
pub struct Documented {
    /// The name in the page's URL.
    pub key: &'static str,
    /// The displayed name.
    pub title: &'static str,
    /// The OpenAPI document, in JSON.
    pub document: String,
}

/// Adds field examples and empty security requirements to poem-openapi's document `spec`.
///
/// The result is JSON with a line break at its end.
pub fn document(spec: &str) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(spec) else { return spec.to_owned() };
    add_field_examples(&mut document);
    mark_open_operations(&mut document);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_else(|_| spec.to_owned());
    text.push('\n');
    text
}

/// Copies each schema's example to its fields; poem-openapi adds it only to the schema.
fn add_field_examples(document: &mut Value) {
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
}

/// Adds an empty `security` to operations without one, as linters require.
fn mark_open_operations(document: &mut Value) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let operations = paths.into_iter().flat_map(|paths| paths.values_mut());
    let operations = operations.filter_map(Value::as_object_mut);
    for operation in operations.flat_map(|methods| methods.values_mut()) {
        if let Some(operation) = operation.as_object_mut() {
            operation.entry("security").or_insert_with(|| json!([]));
        }
    }
}

/// The licence of the documents and of the program.
pub fn license() -> LicenseObject {
    LicenseObject::new("MIT").url("https://opensource.org/license/mit")
}

/// Selects the document of `?api=KEY`; the first by default.
const CHOOSE: &str = r##"
    const key = new URLSearchParams(window.location.search).get("api");
    const shown = apis.find((api) => api.key === key) ?? apis[0];
    const choice = document.querySelector("#api");
    for (const api of apis) {
        choice.add(new Option(api.title, api.key, false, api === shown));
    }
    choice.addEventListener("change", () => {
        window.location.assign(`?api=${encodeURIComponent(choice.value)}`);
    });
    document.title = shown.title;
    SwaggerUIBundle({ dom_id: "#ui", spec: shown.document, filter: false, deepLinking: true });
"##;

/// A page that shows one of these documents at a time. It loads nothing from other sites.
pub fn swagger_ui(apis: &[Documented]) -> String {
    let page = OpenApiService::new((), "", "").swagger_ui_html();
    // Replaces the last script of poem-openapi's page, which starts Swagger UI.
    let head = page.rfind("<script>").map_or(page.as_str(), |start| &page[..start]);
    let label = "<p><label>API <select id=\"api\"></select></label></p>\n<div id=\"ui\">";
    let head = head
        .replacen("<html", "<!doctype html>\n<html lang=\"en\"", 1)
        .replacen("Swagger UI</title>", "MiniTwit API</title>", 1)
        .replacen("<div id=\"ui\">", label, 1);
    let apis: Vec<Value> = apis
        .iter()
        .map(|api| {
            let document: Value = serde_json::from_str(&api.document).unwrap_or_default();
            json!({"key": api.key, "title": api.title, "document": document})
        })
        .collect();
    // Only `</script` ends a script, so an escaped `<` is safe in any document.
    let apis = Value::from(apis).to_string().replace('<', "\\u003c");
    format!("{head}<script>\n    const apis = {apis};{CHOOSE}</script>\n\n</body>\n</html>\n")
}

/// The error statuses that an operation documents, besides 500 and 503, which all operations have.
pub trait Statuses: Send + Sync + 'static {
    /// The statuses, in ascending order.
    const STATUSES: &'static [u16];
}

/// Declares types that implement [`Statuses`].
macro_rules! statuses {
    ($($name:ident = $statuses:expr;)*) => {
        $(struct $name;

        impl $crate::http::openapi::Statuses for $name {
            const STATUSES: &'static [u16] = &$statuses;
        })*
    };
}

pub(crate) use statuses;

/// Documents error responses with the body `P`, for `statuses`, 500 and 503.
pub fn error_responses<P: Payload>(
    statuses: &'static [u16],
    description: fn(u16) -> &'static str,
) -> MetaResponses {
    let responses = statuses.iter().chain(&[500, 503]).map(|status| MetaResponse {
        description: description(*status),
        status: Some(*status),
        status_range: None,
        content: vec![MetaMediaType { content_type: P::CONTENT_TYPE, schema: P::schema_ref() }],
        headers: error_headers(*status),
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

/// Implements `Type` for a type whose schema is a number or a string.
macro_rules! documented_type {
    ($type:ty, $name:literal, $schema:expr) => {
        impl poem_openapi::types::Type for $type {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Inline(Box::new($schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
    };
}

pub(crate) use documented_type;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_cannot_end_the_script_around_it() {
        let document = json!({"info": {"description": "</script><b>"}}).to_string();
        let page = swagger_ui(&[Documented { key: "a", title: "A", document }]);
        assert!(!page.contains("</script><b>"));
        assert!(page.contains(r"\u003c/script>\u003cb>"));
        assert!(page.contains("SwaggerUIBundle({ dom_id"));
    }
}
