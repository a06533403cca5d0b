//! Swagger UI: a page that shows one API at a time and sends requests to it.

use poem_openapi::OpenApiService;
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

const SCRIPT: &str = include_str!("swagger_ui.js");
const STYLE: &str = include_str!("swagger_ui.css");

/// A page that shows one of these documents at a time. It loads nothing from other sites.
pub fn swagger_ui(apis: &[Documented]) -> String {
    let page = OpenApiService::new((), "", "").swagger_ui_html();
    // Replaces the last script of poem-openapi's page, which starts Swagger UI.
    let head = page.rfind("<script>").map_or(page.as_str(), |start| &page[..start]);
    let label = "<p><label>API <select id=\"api\"></select></label></p>\n<div id=\"ui\">";
    let title = format!("MiniTwit API</title>\n    <style>\n{STYLE}</style>");
    let head = head
        .replacen("<html", "<!doctype html>\n<html lang=\"en\"", 1)
        .replacen("Swagger UI</title>", &title, 1)
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
    format!("{head}<script>\nconst apis = {apis};\n{SCRIPT}</script>\n\n</body>\n</html>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_cannot_end_the_script_around_it() {
        let document = json!({"info": {"description": "</script><b>"}}).to_string();
        let page = swagger_ui(&[Documented { key: "a", title: "A", document }]);
        assert!(!page.contains("</script><b>"));
        assert!(page.contains(r"\u003c/script>\u003cb>"));
        assert!(page.contains("SwaggerUIBundle({\n"));
    }
}
