//! Atom feeds (RFC 4287), rendered by the template `feed.xml`.

use serde::Serialize;
use time::OffsetDateTime;

use super::{excerpt::excerpt, format::rfc3339, site::Site};
use crate::{
    domain::{Cursor, Message, Page, Username},
    web::{
        bidi::isolate,
        links::{
            ARCHIVE_PATH, PUBLIC_FEED_PATH, feed_path, message_path, next_page_path, profile_path,
        },
        templates,
    },
};

const TITLE_MAX_CHARS: usize = 80;

#[derive(Debug, Serialize)]
pub struct Feed {
    id: String,
    title: String,
    updated: String,
    author: Option<Author>,
    /// The URL of this page of the feed.
    self_url: String,
    page_url: String,
    older: Option<String>,
    entries: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Author {
    name: String,
    url: String,
}

#[derive(Debug, Serialize)]
struct Entry {
    id: String,
    title: String,
    url: String,
    published: String,
    updated: String,
    author: Author,
    in_reply_to: Option<InReplyTo>,
    text: String,
}

/// The message that an entry replies to (RFC 4685).
#[derive(Debug, Serialize)]
struct InReplyTo {
    id: String,
    url: String,
}

impl Feed {
    pub fn public(site: &Site, before: Option<Cursor>, messages: Page<Message>) -> Self {
        let title = "MiniTwit: Public Timeline".to_owned();
        let paths = ("/public", PUBLIC_FEED_PATH);
        Self::new(site, paths, before, title, None, messages)
    }

    pub fn profile(
        site: &Site,
        owner: &Username,
        before: Option<Cursor>,
        messages: Page<Message>,
    ) -> Self {
        let title = format!("MiniTwit: {}'s Timeline", isolate(owner.as_str()));
        let paths = (&*profile_path(owner), &*feed_path(owner));
        let author = Author::new(site, owner);
        Self::new(site, paths, before, xml_text(&title), Some(author), messages)
    }

    /// The feed of all messages of a user, newest first, without its entries. `newest` are the first ones.
    pub fn archive(site: &Site, owner: &Username, newest: &[Message]) -> Self {
        let mut feed = Self::profile(site, owner, None, Page { items: Vec::new(), next: None });
        if let Some(updated_at) = newest.iter().map(changed_at).max() {
            feed.updated = rfc3339(updated_at);
        }
        feed.self_url = site.url(ARCHIVE_PATH);
        feed
    }

    /// The feed at `feed_path` of the timeline at `path`; it starts after the cursor `before`.
    fn new(
        site: &Site,
        (path, feed_path): (&str, &str),
        before: Option<Cursor>,
        title: String,
        author: Option<Author>,
        messages: Page<Message>,
    ) -> Self {
        let updated_at = messages.items.iter().map(changed_at).max();
        let updated_at = updated_at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let first = site.url(feed_path);
        Self {
            id: site.tag_uri(path),
            title,
            updated: rfc3339(updated_at),
            author,
            page_url: site.url(path),
            older: messages.next.map(|cursor| next_page_path(&first, cursor)),
            self_url: before.map_or_else(|| first.clone(), |cursor| next_page_path(&first, cursor)),
            entries: messages.items.into_iter().map(|message| Entry::new(site, message)).collect(),
        }
    }
}

impl templates::Page for Feed {
    const TEMPLATE: &'static str = "feed.xml";
}

/// Further entries of a feed.
#[derive(Debug, Serialize)]
pub struct ArchiveEntries {
    entries: Vec<Entry>,
}

impl ArchiveEntries {
    pub fn new(site: &Site, messages: Vec<Message>) -> Self {
        Self { entries: messages.into_iter().map(|message| Entry::new(site, message)).collect() }
    }
}

impl templates::Page for ArchiveEntries {
    const TEMPLATE: &'static str = "entries.xml";
}

impl Author {
    fn new(site: &Site, name: &Username) -> Self {
        Self { name: xml_text(name.as_str()), url: site.url(&profile_path(name)) }
    }
}

impl Entry {
    fn new(site: &Site, message: Message) -> Self {
        let path = message_path(message.id);
        Self {
            id: site.tag_uri(&path),
            title: xml_text(&excerpt(&message.text, TITLE_MAX_CHARS)),
            url: site.url(&path),
            published: rfc3339(message.published_at),
            updated: rfc3339(changed_at(&message)),
            author: Author::new(site, &message.author),
            in_reply_to: message.in_reply_to.as_ref().map(|parent| {
                let path = message_path(parent.id);
                InReplyTo { id: site.tag_uri(&path), url: site.url(&path) }
            }),
            text: xml_text(&message.text),
        }
    }
}

fn changed_at(message: &Message) -> OffsetDateTime {
    message.edited_at.unwrap_or(message.published_at)
}

/// Replaces the characters that XML forbids even when escaped (XML 1.0, section 2.2), and normalizes
/// line breaks as XML parsers do (section 2.11).
fn xml_text(text: &str) -> String {
    let is_allowed = |it: char| matches!(it, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().map(|it| if is_allowed(it) { it } else { char::REPLACEMENT_CHARACTER }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;
    use crate::web::templates::Templates;

    fn name() -> Username {
        Username::from_stored("Roger <Histand>".to_owned())
    }

    fn feed_of(text: &str) -> String {
        let message = Message {
            id: 7,
            author: name(),
            text: text.to_owned(),
            published_at: datetime!(2020-02-21 00:01:02.5 UTC),
            edited_at: Some(datetime!(2020-02-22 00:00 UTC)),
            in_reply_to: None,
        };
        let next = Some(message.cursor());
        let site = Site::new("https://example.org:8443".to_owned());
        let feed = Feed::profile(&site, &name(), None, Page { items: vec![message], next });
        Templates::new().expect("templates").render(&feed).expect("the template fits")
    }

    #[test]
    fn a_feed_has_absolute_urls_and_ids_of_the_host() {
        let xml = feed_of("hello");
        for part in [
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>",
            "<id>tag:example.org,2026:/Roger%20%3CHistand%3E</id>",
            "<title>MiniTwit: Roger &lt;Histand&gt;&#39;s Timeline</title>",
            "<updated>2020-02-22T00:00:00Z</updated>",
            "href=\"https://example.org:8443/Roger%20%3CHistand%3E.atom\"",
            "href=\"https://example.org:8443/Roger%20%3CHistand%3E.atom?before=1582243262500000_7\"",
            "<id>tag:example.org,2026:/message/7</id>",
            "<published>2020-02-21T00:01:02Z</published>",
            "href=\"https://example.org:8443/message/7\"",
            "<content type=\"text\">hello</content>",
        ] {
            assert!(xml.contains(part), "no {part} in:\n{xml}");
        }
    }

    proptest! {
        #[test]
        fn every_text_gives_a_well_formed_document(text in proptest::collection::vec(any::<char>(), 1..280)) {
            let text: String = text.into_iter().collect();
            let xml = feed_of(&text);
            let document = roxmltree::Document::parse(&xml).expect("well-formed");
            let content = document.descendants().find(|it| it.has_tag_name("content"));
            prop_assert_eq!(content.and_then(|it| it.text()).unwrap_or_default(), xml_text(&text));
        }
    }
}
