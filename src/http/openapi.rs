//! OpenAPI documents as the library makes them, brought into the form that readers and linters look
//! for; the page that shows them; and the count of requests in flight, by the documented path.

use poem::{Endpoint, EndpointExt, PathPattern};
use poem_openapi::{LicenseObject, OpenApiService};
use serde_json::{Value, json};

use crate::telemetry::routes::Route;

/// An API as the page of the documentation offers it.
#[derive(Debug, Clone)]
pub struct Documented {
    /// How the page's address names it.
    pub key: &'static str,
    /// How people call it.
    pub title: &'static str,
    /// Its OpenAPI document, as JSON.
    pub document: String,
}

/// The document of the specification `spec`: JSON with a line break at its end.
#[must_use]
pub fn document(spec: &str) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(spec) else { return spec.to_owned() };
    add_field_examples(&mut document);
    tell_what_is_open(&mut document);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_else(|_| spec.to_owned());
    text.push('\n');
    text
}

/// The library documents an example a schema; readers look for one at each field.
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

/// The licence of the APIs' documents, which is the program's.
#[must_use]
pub fn license() -> LicenseObject {
    LicenseObject::new("MIT").url("https://opensource.org/license/mit")
}

/// Chooses between the documents by `?api=KEY`; the first is shown without one.
const CHOOSE: &str = r##"
    const asked = new URLSearchParams(window.location.search).get("api");
    const shown = apis.find((api) => api.key === asked) ?? apis[0];
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

/// A page that shows these documents, one at a time, and tries them out. It loads nothing from
/// elsewhere.
#[must_use]
pub fn swagger_ui(apis: &[Documented]) -> String {
    let page = OpenApiService::new((), "", "").swagger_ui_html();
    // The library's page ends with the script that starts it; before that is the program itself.
    let program = page.rfind("<script>").map_or(page.as_str(), |start| &page[..start]);
    let label = "<p><label>API <select id=\"api\"></select></label></p>\n<div id=\"ui\">";
    let program = program
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
    // Within a script nothing but `</script` ends it, whatever the documents say.
    let apis = Value::from(apis).to_string().replace('<', "\\u003c");
    format!("{program}<script>\n    const apis = {apis};{CHOOSE}</script>\n\n</body>\n</html>\n")
}

/// Around an operation: counts the requests that it is serving, by the path that `template` makes of
/// the matched pattern.
pub fn in_flight<E: Endpoint + 'static>(
    operation: E,
    template: fn(&str) -> String,
) -> impl Endpoint<Output = E::Output> {
    operation.around(move |operation, request| async move {
        let pattern = request.data().map_or("", |PathPattern(pattern)| pattern);
        let _counted = Route::of(pattern, template).in_flight(request.method().as_str());
        operation.call(request).await
    })
}

/// Implements the documentation's side of a type that is written as a number or a text.
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
    fn no_document_can_end_the_script_that_it_stands_in() {
        let document = json!({"info": {"description": "</script><b>"}}).to_string();
        let page = swagger_ui(&[Documented { key: "a", title: "A", document }]);
        assert!(!page.contains("</script><b>"));
        assert!(page.contains(r"\u003c/script>\u003cb>"));
        assert!(page.contains("SwaggerUIBundle({ dom_id"));
    }
}
