//! Checks of every page.

use super::{
    every_page::{every_page, rejected},
    fixtures::{
        HOSTILE, HOSTILE_ESCAPED, assert_contains, counts, message, messages, no_messages, profile,
        render, signed_in, signed_out, site, thread,
    },
};
use crate::web::{
    assets::Asset,
    links::SearchScope,
    pages::{
        EditPage, ErrorPage, Field, Frame, LoginPage, MessagePage, RegisterPage, SearchPage,
        SignInForm, TimelinePage,
    },
};

#[test]
fn every_page_in_every_state_has_the_common_parts() {
    for html in every_page() {
        assert_contains(
            &html,
            &[
                "<!doctype html>\n<html lang=\"en\">",
                "<meta charset=\"utf-8\">",
                "<meta name=\"viewport\"",
                "<meta name=\"description\"",
                "<meta name=\"color-scheme\" content=\"light dark\">",
                &format!("<link rel=\"stylesheet\" href=\"{}\">", Asset::stylesheet().url()),
                &format!("href=\"{}\"", Asset::icon().url()),
                "<div class=\"page\">",
                "<h1>MiniTwit</h1>",
                "<div class=\"navigation\">",
                "<div class=\"body\">",
                "<div class=\"footer\">",
                " | MiniTwit</title>",
                "<h2>",
            ],
        );
        assert!(html.starts_with("<!doctype html>"));
    }
}

#[test]
fn no_page_violates_the_content_security_policy() {
    for html in every_page() {
        for tag in html.split('<').filter_map(|part| part.split('>').next()) {
            let forbidden = ["style=", "javascript:"].iter().any(|it| tag.contains(it));
            let inline = tag.starts_with("style")
                || tag.starts_with("script")
                    && !tag.starts_with("script type=\"module\" src=\"/static/");
            let handler = tag.split(" on").skip(1).any(|rest| {
                let name = rest.split_once('=').map(|(name, _)| name);
                name.is_some_and(|name| name.bytes().all(|it| it.is_ascii_lowercase()))
            });
            assert!(!(forbidden || inline || handler), "<{tag}> in:\n{html}");
        }
    }
}

#[test]
fn user_text_is_escaped() {
    for html in every_page() {
        assert!(!html.contains("<b>"), "{html}");
    }
    let frame = Frame { flashes: vec![HOSTILE.into()], ..signed_in(HOSTILE) };
    let html = render(&TimelinePage::own(frame, rejected(), messages(&[HOSTILE])));
    assert_contains(
        &html,
        &[
            &format!("<li>{HOSTILE_ESCAPED}</li>"),
            &format!("<button>sign out [{HOSTILE_ESCAPED}]</button>"),
            &format!("<h3 id=\"prompt\">What's on your mind {HOSTILE_ESCAPED}?</h3>"),
            &format!("<strong>Error:</strong> {HOSTILE_ESCAPED}</div>"),
            &format!(">\n{HOSTILE_ESCAPED}</textarea>"),
            &format!("<span class=\"text\" dir=\"auto\">{HOSTILE_ESCAPED}</span>"),
        ],
    );
}

#[test]
fn the_navigation_depends_on_the_viewer() {
    let signed_out = render(&TimelinePage::public(signed_out(), no_messages()));
    assert_contains(
        &signed_out,
        &[
            "<a href=\"/public\">public timeline</a>",
            "<a href=\"/search\">search</a>",
            "<a href=\"/register\">sign up</a>",
            "<a href=\"/login\">sign in</a>",
        ],
    );
    for absent in ["my timeline", "settings", "sign out"] {
        assert!(!signed_out.contains(absent), "{absent}");
    }

    let signed_in = render(&TimelinePage::public(signed_in("bob"), no_messages()));
    assert_contains(
        &signed_in,
        &[
            "<a href=\"/\">my timeline</a>",
            "<a href=\"/public\">public timeline</a>",
            "<a href=\"/search\">search</a>",
            "<a href=\"/settings\">settings</a>",
            "<form method=\"post\" action=\"/logout\"><button>sign out [bob]</button></form>",
        ],
    );
    assert!(!signed_in.contains("sign up") && !signed_in.contains("sign in"));
}

#[test]
fn the_title_equals_the_heading() {
    let (author, bob) = (profile("O'Brien & Söhne"), || signed_in("bob"));
    let own = TimelinePage::own(bob(), Field::default(), no_messages());
    let profile = TimelinePage::profile(signed_out(), (&author, counts()), None, no_messages());
    for (html, title) in [
        (render(&TimelinePage::public(signed_out(), no_messages())), "Public Timeline"),
        (render(&own), "My Timeline"),
        (render(&profile), "O&#39;Brien &amp; Söhne's Timeline"),
        (
            render(&MessagePage::new(signed_out(), &site(), thread(message("a")))),
            "Roger Histand's Message",
        ),
        (render(&EditPage::new(bob(), 7, Field::default())), "Edit Message"),
        (render(&LoginPage::default()), "Sign In"),
        (render(&RegisterPage::default()), "Sign Up"),
        (render(&ErrorPage::new(signed_out(), 404)), "Not Found"),
    ] {
        let title_element = format!("<title>{title} | MiniTwit</title>");
        assert_contains(&html, &[&title_element, &format!("<h2>{title}</h2>")]);
    }
}

#[test]
fn inputs_keep_the_order_of_the_original() {
    let login = |error| {
        let sign_in = SignInForm { error, ..SignInForm::default() };
        LoginPage { sign_in, ..LoginPage::default() }
    };
    let register = |error| RegisterPage { error, ..RegisterPage::default() };
    let register_inputs = [
        ("text", "username"),
        ("email", "email"),
        ("password", "password"),
        ("password", "password2"),
        ("submit", "Sign Up"),
    ];
    for error in [None, Some("Invalid username".to_owned())] {
        for (html, expected) in [
            (
                render(&login(error.clone())),
                &[("text", "username"), ("password", "password"), ("submit", "Sign In")][..],
            ),
            (render(&register(error.clone())), &register_inputs),
        ] {
            assert_eq!(inputs(&html), expected);
            assert!(!html.contains("<button"), "the submit input must be the only button");
            for constraint in [" required", " pattern=", " minlength=", " maxlength="] {
                assert!(!html.contains(constraint), "{constraint} hides the server's message");
            }
        }
    }
    let own = TimelinePage::own(signed_in("bob"), Field::default(), no_messages());
    assert_eq!(inputs(&render(&own)), [("submit", "Share"), ("hidden", "key")]);
    let search = SearchPage::new(signed_out(), "a", SearchScope::Messages);
    assert_eq!(inputs(&render(&search)), [("search", "q"), ("hidden", "in"), ("submit", "Search")]);
}

/// The type and the name of each `<input>`; the value of one without a name.
fn inputs(html: &str) -> Vec<(&str, &str)> {
    let tags = html.split("<input").skip(1).map(|rest| rest.split('>').next().expect("a tag"));
    tags.map(|tag| {
        let named = attribute(tag, "name").or_else(|| attribute(tag, "value"));
        (attribute(tag, "type").expect("a type"), named.expect("a name or a value"))
    })
    .collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = tag.split_once(&format!(" {name}=\""))?;
    value.split('"').next()
}
