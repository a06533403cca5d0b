//! Renders page models with the templates in `templates/`, which are compiled into the program.

use std::io::{self, Write};

use serde::Serialize;
use tera::{Context, Kwargs, State, StringInput, Tera, TeraResult, Value};

use super::{assets::Asset, bidi};
use crate::domain::MESSAGE_TEXT_MAX_CHARS;

const TEMPLATES: [(&str, &str); 26] = [
    ("layout.html", include_str!("../../templates/layout.html")),
    ("fields.html", include_str!("../../templates/fields.html")),
    ("messages.html", include_str!("../../templates/messages.html")),
    ("people.html", include_str!("../../templates/people.html")),
    ("timeline.html", include_str!("../../templates/timeline.html")),
    ("profile.html", include_str!("../../templates/profile.html")),
    ("follows.html", include_str!("../../templates/follows.html")),
    ("search.html", include_str!("../../templates/search.html")),
    ("sign_in.html", include_str!("../../templates/sign_in.html")),
    ("written.html", include_str!("../../templates/written.html")),
    ("login.html", include_str!("../../templates/login.html")),
    ("register.html", include_str!("../../templates/register.html")),
    ("settings.html", include_str!("../../templates/settings.html")),
    ("tokens.html", include_str!("../../templates/tokens.html")),
    ("new_token.html", include_str!("../../templates/new_token.html")),
    ("delete_account.html", include_str!("../../templates/delete_account.html")),
    ("message.html", include_str!("../../templates/message.html")),
    ("edit.html", include_str!("../../templates/edit.html")),
    ("delete.html", include_str!("../../templates/delete.html")),
    ("tag.html", include_str!("../../templates/tag.html")),
    ("confirm.html", include_str!("../../templates/confirm.html")),
    ("error.html", include_str!("../../templates/error.html")),
    ("error_codes.html", include_str!("../../templates/error_codes.html")),
    ("open_graph.html", include_str!("../../templates/open_graph.html")),
    ("entries.xml", include_str!("../../templates/entries.xml")),
    ("feed.xml", include_str!("../../templates/feed.xml")),
];

/// A page model with its template.
pub trait Page: Serialize {
    /// The template's name in `templates/`.
    const TEMPLATE: &'static str;
}

/// A template does not parse, or uses a variable that its page lacks.
#[derive(Debug, thiserror::Error)]
#[error("a template does not parse or uses a variable that its page lacks")]
pub struct TemplateError(#[from] tera::Error);

/// The templates, parsed once.
#[derive(Debug)]
pub struct Templates(Tera);

impl Templates {
    /// Parses the templates.
    pub fn new() -> Result<Self, TemplateError> {
        let mut tera = Tera::new();
        tera.set_escape_fn(escape);
        // A signed-out viewer has no name.
        tera.register_filter("isolate", |name: &Value, _: Kwargs, _: &State| {
            bidi::isolate(name.as_str().unwrap_or_default()).into_owned()
        });
        tera.register_filter("bdi", isolated_html);
        tera.add_raw_templates(TEMPLATES)?;
        let shared = tera.global_context();
        shared.insert("stylesheet", &Asset::stylesheet().url());
        shared.insert("icon", &Asset::icon().url());
        let scripts: Vec<String> = Asset::scripts().iter().map(Asset::url).collect();
        shared.insert("scripts", &scripts);
        shared.insert("message_limit", &MESSAGE_TEXT_MAX_CHARS);
        Ok(Self(tera))
    }

    /// Renders `page`; the result is HTML or, for a feed, XML.
    pub fn render<P: Page>(&self, page: &P) -> Result<String, TemplateError> {
        Ok(self.0.render(P::TEMPLATE, &Context::from_serialize(page)?)?)
    }
}

/// Escapes a text unless it is HTML, and marks its isolated names by elements.
fn isolated_html(text: StringInput, _: Kwargs, state: &State) -> TeraResult<Value> {
    let escaped;
    let html = if text.is_safe() {
        text.as_str()
    } else {
        escaped = state.escape(text.as_str())?;
        &escaped
    };
    Ok(Value::safe_string(&bidi::with_elements(html)))
}

/// Escapes text exactly like Jinja's `MarkupSafe`, because clients of the original compare pages.
fn escape(text: &str, output: &mut dyn Write) -> io::Result<()> {
    let bytes = text.as_bytes();
    let mut written = 0;
    for (position, byte) in bytes.iter().enumerate() {
        let entity: &[u8] = match byte {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'"' => b"&#34;",
            b'\'' => b"&#39;",
            _ => continue,
        };
        output.write_all(&bytes[written..position])?;
        output.write_all(entity)?;
        written = position + 1;
    }
    output.write_all(&bytes[written..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut output = Vec::new();
        escape(text, &mut output).expect("memory");
        String::from_utf8(output).expect("UTF-8")
    }

    #[test]
    fn exactly_five_characters_are_escaped() {
        assert_eq!(escaped("<a href=\"/x\">'&amp;"), "&lt;a href=&#34;/x&#34;&gt;&#39;&amp;amp;");
        assert_eq!(escaped("/=`{{ 1 }}李🦀\n"), "/=`{{ 1 }}李🦀\n");
        assert_eq!(escaped(""), "");
    }

    #[test]
    fn rendering_fails_if_the_page_lacks_a_variable() {
        #[derive(Serialize)]
        struct Bare {}
        impl Page for Bare {
            const TEMPLATE: &'static str = "error.html";
        }
        assert!(Templates::new().expect("templates").render(&Bare {}).is_err());
    }
}
