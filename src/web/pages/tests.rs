//! Every page in every state, against the markup that clients of the original rely on.

mod message;
mod timeline;

use time::macros::datetime;

use super::*;
use crate::{
    domain::{Bio, DisplayName, Tag, Username},
    web::{assets::Asset, templates::Templates},
};

const HOSTILE: &str = "<b>'\"&/";
const HOSTILE_ESCAPED: &str = "&lt;b&gt;&#39;&#34;&amp;/";

fn rendered<P: Page>(page: &P) -> String {
    Templates::new().expect("templates").render(page).expect("the template fits its page")
}

fn name(raw: &str) -> Username {
    Username::from_stored(raw.to_owned())
}

fn profile(raw: &str) -> Profile {
    Profile {
        username: name(raw),
        display_name: Some(DisplayName::from_stored(raw.to_owned())),
        bio: Some(Bio::from_stored(raw.to_owned())),
        joined_at: datetime!(2020-02-01 00:01:02 UTC),
    }
}

fn counts(number: i64) -> Counts {
    Counts { messages: number, followers: number, following: number }
}

fn site() -> Site {
    Site::new("https://example.org".to_owned())
}

fn signed_out() -> Frame {
    Frame::default()
}

fn signed_in(viewer: &str) -> Frame {
    Frame { viewer: Some(viewer.to_owned()), flashes: Vec::new() }
}

fn nothing() -> domain::Page<Message> {
    domain::Page { items: Vec::new(), next: None }
}

/// One page with `texts` by Roger Histand, and an older one.
fn messages(texts: &[&str]) -> domain::Page<Message> {
    let published_at = datetime!(2020-02-21 00:01:02.5 UTC);
    let message = |(id, text): (i64, &&str)| Message {
        id,
        author: name("Roger Histand"),
        text: (*text).to_owned(),
        published_at,
        edited_at: None,
    };
    domain::Page {
        items: (7..).zip(texts).map(message).collect(),
        next: Some(Cursor::new(published_at, 7)),
    }
}

fn assert_contains(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "no {part} in:\n{html}");
    }
}

/// The names of the `<input>` elements in their order; the type of those without a name.
fn inputs(html: &str) -> Vec<&str> {
    let attribute = |tag: &'_ str, key: &str| {
        let start = tag.find(&format!(" {key}=\""))? + key.len() + 3;
        Some(start..start + tag[start..].find('"')?)
    };
    html.split("<input")
        .skip(1)
        .map(|tag| {
            let range = attribute(tag, "name").or_else(|| attribute(tag, "type"));
            &tag[range.expect("a name or a type")]
        })
        .collect()
}

mod account;
mod people;

fn every_page() -> Vec<String> {
    let flashed = || Frame { flashes: vec!["One".into(), HOSTILE.into()], ..signed_in(HOSTILE) };
    let refused = || Compose { error: Some(HOSTILE.into()), text: HOSTILE.into() };
    let mut pages = Vec::new();
    for frame in [signed_out(), signed_in("bob"), flashed()] {
        for content in [nothing(), messages(&[]), messages(&["a", HOSTILE])] {
            let public = TimelinePage::public(frame.clone(), content.clone());
            pages.push(rendered(&public));
            for compose in [Compose::default(), refused()] {
                let mine = TimelinePage::mine(frame.clone(), compose, content.clone());
                pages.push(rendered(&mine));
            }
            for status in [
                None,
                Some(FollowStatus::Yourself),
                Some(FollowStatus::Following),
                Some(FollowStatus::NotFollowing),
            ] {
                let (owner, counts) = (profile(HOSTILE), counts(1_234));
                let profile =
                    TimelinePage::profile(frame.clone(), (&owner, counts), status, content.clone());
                pages.push(rendered(&profile));
            }
        }
        for text in ["a", HOSTILE, "@a #b https://c.example/\"><b>"] {
            let message = || messages(&[text]).items.remove(0);
            let compose = || Compose { error: None, text: text.to_owned() };
            pages.push(rendered(&MessagePage::new(frame.clone(), &site(), message())));
            pages.push(rendered(&EditPage::new(frame.clone(), 7, compose())));
            pages.push(rendered(&EditPage::new(frame.clone(), 7, refused())));
            pages.push(rendered(&DeletePage::new(frame.clone(), message())));
            let tag = Tag::parse("b").expect("a tag");
            pages.push(rendered(&TagPage::new(frame.clone(), &tag, messages(&[text]))));
            pages.push(rendered(&TagPage::new(frame.clone(), &tag, nothing())));
        }
        for error in [None, Some(HOSTILE.to_owned())] {
            let (username, email) = (HOSTILE.to_owned(), HOSTILE.to_owned());
            let login = LoginPage {
                frame: frame.clone(),
                error: error.clone(),
                username: username.clone(),
            };
            pages.push(rendered(&login));
            pages.push(rendered(&RegisterPage { frame: frame.clone(), error, username, email }));
        }
        for status in [400, 401, 403, 404, 405, 408, 413, 415, 429, 500, 503] {
            let page = ErrorPage::new(frame.clone(), status);
            pages.push(rendered(&page));
            pages.push(rendered(&page.with_text(HOSTILE).with_request_id(HOSTILE)));
        }
        pages.extend(people::pages(&frame));
        pages.extend(account::pages(&frame));
    }
    pages
}

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
                "class=\"navigation\"",
                "class=\"body\"",
                "class=\"footer\"",
                " | MiniTwit</title>",
                "<h2>",
            ],
        );
        assert!(html.starts_with("<!doctype html>"));
    }
}

#[test]
fn no_page_has_what_the_content_security_policy_forbids() {
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
fn nothing_that_a_user_wrote_is_markup() {
    for html in every_page() {
        assert!(!html.contains("<b>"), "{html}");
    }
    let frame = Frame { flashes: vec![HOSTILE.into()], ..signed_in(HOSTILE) };
    let compose = Compose { error: Some(HOSTILE.into()), text: HOSTILE.into() };
    let html = rendered(&TimelinePage::mine(frame, compose, messages(&[HOSTILE])));
    assert_contains(
        &html,
        &[
            &format!("<li>{HOSTILE_ESCAPED}</li>"),
            &format!("<button>sign out [{HOSTILE_ESCAPED}]</button>"),
            &format!("<h3 id=\"prompt\">What's on your mind {HOSTILE_ESCAPED}?</h3>"),
            &format!("<strong>Error:</strong> {HOSTILE_ESCAPED}</div>"),
            &format!("value=\"{HOSTILE_ESCAPED}\""),
            &format!("<p dir=\"auto\">{HOSTILE_ESCAPED}</p>"),
        ],
    );
}

#[test]
fn the_navigation_depends_on_who_is_signed_in() {
    let out = rendered(&TimelinePage::public(signed_out(), nothing()));
    assert_contains(
        &out,
        &[
            "<a href=\"/public\">public timeline</a>",
            "<a href=\"/search\">search</a>",
            "<a href=\"/register\">sign up</a>",
            "<a href=\"/login\">sign in</a>",
        ],
    );
    for absent in ["my timeline", "settings", "sign out"] {
        assert!(!out.contains(absent), "{absent}");
    }

    let in_ = rendered(&TimelinePage::public(signed_in("bob"), nothing()));
    assert_contains(
        &in_,
        &[
            "<a href=\"/\">my timeline</a>",
            "<a href=\"/public\">public timeline</a>",
            "<a href=\"/search\">search</a>",
            "<a href=\"/settings\">settings</a>",
            "<form method=\"post\" action=\"/logout\"><button>sign out [bob]</button></form>",
        ],
    );
    assert!(!in_.contains("sign up") && !in_.contains("sign in"));
}

#[test]
fn the_title_and_the_heading_say_the_same() {
    let owner = profile("O'Brien & Söhne");
    for (html, title) in [
        (rendered(&TimelinePage::public(signed_out(), nothing())), "Public Timeline"),
        (
            rendered(&TimelinePage::mine(signed_in("bob"), Compose::default(), nothing())),
            "My Timeline",
        ),
        (
            rendered(&TimelinePage::profile(signed_out(), (&owner, counts(0)), None, nothing())),
            "O&#39;Brien &amp; Söhne's Timeline",
        ),
        (
            rendered(&MessagePage::new(signed_out(), &site(), messages(&["a"]).items.remove(0))),
            "Roger Histand's Message",
        ),
        (rendered(&EditPage::new(signed_in("bob"), 7, Compose::default())), "Edit Message"),
        (rendered(&LoginPage::default()), "Sign In"),
        (rendered(&RegisterPage::default()), "Sign Up"),
        (rendered(&ErrorPage::new(signed_out(), 404)), "Not Found"),
    ] {
        let title_element = format!("<title>{title} | MiniTwit</title>");
        assert_contains(&html, &[&title_element, &format!("<h2>{title}</h2>")]);
    }
}

#[test]
fn a_flash_is_an_item_of_a_list_that_is_there_only_when_needed() {
    let flashes = vec!["You were logged in".to_owned(), "Hello".to_owned()];
    let html =
        rendered(&LoginPage { frame: Frame { viewer: None, flashes }, ..LoginPage::default() });
    assert_contains(
        &html,
        &["<ul class=\"flashes\">\n<li>You were logged in</li>\n<li>Hello</li>\n</ul>"],
    );
    assert!(!rendered(&LoginPage::default()).contains("flashes"));
}

#[test]
fn the_inputs_of_the_forms_keep_the_order_of_the_original() {
    for error in [None, Some("Invalid username".to_owned())] {
        let login = rendered(&LoginPage { error: error.clone(), ..LoginPage::default() });
        assert_eq!(inputs(&login), ["username", "password", "submit"]);
        assert_contains(
            &login,
            &["<div class=\"actions\"><input type=\"submit\" value=\"Sign In\"></div>"],
        );

        let register = rendered(&RegisterPage { error, ..RegisterPage::default() });
        assert_eq!(inputs(&register), ["username", "email", "password", "password2", "submit"]);
        assert_contains(
            &register,
            &["<div class=\"actions\"><input type=\"submit\" value=\"Sign Up\"></div>"],
        );

        for html in [login, register] {
            assert!(!html.contains("<button"), "the only button is the form's own");
            for constraint in [" required", " pattern=", " minlength=", " maxlength="] {
                assert!(!html.contains(constraint), "{constraint} hides the server's message");
            }
        }
    }
}

#[test]
fn a_refused_form_says_why_and_keeps_what_was_typed() {
    let login = rendered(&LoginPage {
        error: Some("Invalid username".into()),
        username: "bob".into(),
        ..LoginPage::default()
    });
    let register = rendered(&RegisterPage {
        error: Some("Invalid username".into()),
        username: "bob".into(),
        email: "bob@example.com".into(),
        ..RegisterPage::default()
    });
    for html in [&login, &register] {
        assert_contains(html, &["<strong>Error:</strong> Invalid username</div>", "value=\"bob\""]);
    }
    assert_contains(&register, &["value=\"bob@example.com\""]);
    assert!(!rendered(&RegisterPage::default()).contains("class=\"error\""));
}

#[test]
fn an_error_page_says_what_went_wrong_and_how_to_find_it_in_the_log() {
    let html = rendered(&ErrorPage::new(signed_out(), 500).with_request_id("req-1"));
    assert_contains(&html, &["500", "Internal Server Error", "<code>req-1</code>"]);
    let html = rendered(&ErrorPage::new(signed_out(), 404).with_text("No such user"));
    assert_contains(&html, &["404", "<p>No such user</p>"]);
    assert!(!html.contains("<code>"));
}
