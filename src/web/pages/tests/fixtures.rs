//! Values for the pages.

use time::macros::datetime;

use crate::{
    domain::{
        Bio, Counts, Cursor, DisplayName, Message, Page, Profile, Scopes, Thread, TokenId,
        TokenName, TokenRecord, Username,
    },
    web::{
        pages::{Frame, SessionMark, Site},
        templates::{self, Templates},
    },
};

/// Contains every special character of HTML.
pub const HOSTILE: &str = "<b>'\"&/";
pub const HOSTILE_ESCAPED: &str = "&lt;b&gt;&#39;&#34;&amp;/";

pub fn render<P: templates::Page>(page: &P) -> String {
    Templates::new().expect("templates").render(page).expect("the template fits its page")
}

pub fn name(raw: &str) -> Username {
    Username::from_stored(raw.to_owned())
}

/// A profile with `raw` as every text.
pub fn profile(raw: &str) -> Profile {
    Profile {
        username: name(raw),
        display_name: Some(DisplayName::from_stored(raw.to_owned())),
        bio: Some(Bio::from_stored(raw.to_owned())),
        joined_at: datetime!(2020-02-01 00:01:02 UTC),
    }
}

pub fn counts() -> Counts {
    Counts { messages: 1_234, followers: 1, following: 0 }
}

pub fn site() -> Site {
    Site::new("https://example.org".to_owned())
}

pub fn signed_out() -> Frame {
    Frame::default()
}

pub fn signed_in(viewer: &str) -> Frame {
    let session = SessionMark { cookie: "mark_0".to_owned(), value: "0".to_owned() };
    Frame { viewer: Some(viewer.to_owned()), session: Some(session), ..Frame::default() }
}

pub fn no_messages() -> Page<Message> {
    Page { items: Vec::new(), next: None }
}

/// A page with `texts` by Roger Histand that has a next page.
pub fn messages(texts: &[&str]) -> Page<Message> {
    let next = Some(Cursor::new(datetime!(2020-02-21 00:01:02.5 UTC), 7));
    Page { items: texts.iter().map(|text| message(text)).collect(), next }
}

pub fn message(text: &str) -> Message {
    Message {
        id: 7,
        author: name("Roger Histand"),
        text: text.to_owned(),
        published_at: datetime!(2020-02-21 00:01:02.5 UTC),
        edited_at: Some(datetime!(2020-03-01 09:05 UTC)),
        in_reply_to: None,
    }
}

/// A message without others above and below it.
pub fn thread(message: Message) -> Thread {
    let replies = Page { items: Vec::new(), next: None };
    Thread { parents: Vec::new(), message, replies }
}

pub fn token() -> TokenRecord {
    TokenRecord {
        id: TokenId(7),
        name: TokenName::from_stored(HOSTILE.to_owned()),
        created_at: datetime!(2020-02-21 00:21 UTC),
        expires_at: datetime!(2020-05-21 00:21 UTC),
        scopes: Scopes::all(),
        last_used_at: Some(datetime!(2020-02-22 13:37 UTC)),
    }
}

#[track_caller]
pub fn assert_contains(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "no {part} in:\n{html}");
    }
}
