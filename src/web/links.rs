//! The paths that pages link to.

use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::domain::{Tag, Username};

/// Everything but the unreserved characters of a URI (RFC 3986, section 2.3).
const NOT_UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path of a user's timeline: `/` and the name, percent-encoded.
#[must_use]
pub fn profile_path(name: &Username) -> String {
    format!("/{}", encoded(name.as_str()))
}

/// The path of a user's picture.
#[must_use]
pub fn avatar_path(name: &Username) -> String {
    format!("/avatar{}", profile_path(name))
}

/// The path of a message's own page.
#[must_use]
pub fn message_path(id: i64) -> String {
    format!("/message/{id}")
}

/// What a timeline's path ends in where it leads to a feed; no user's name does.
pub(super) const FEED_SUFFIX: &str = ".atom";

/// What is searched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchScope {
    /// The texts of messages.
    #[default]
    Messages,
    /// The names of users.
    People,
}

/// The path of a search.
#[must_use]
pub fn search_path(query: &str, sought: SearchScope) -> String {
    let sought = match sought {
        SearchScope::Messages => "messages",
        SearchScope::People => "people",
    };
    format!("/search?q={}&in={sought}", encoded(query))
}

/// The path of the own account's settings.
pub const SETTINGS_PATH: &str = "/settings";
/// The path of the own bearer tokens.
pub const TOKENS_PATH: &str = "/settings/tokens";

fn encoded(text: &str) -> impl Display {
    utf8_percent_encode(text, NOT_UNRESERVED)
}

/// The path of a tag's page.
#[must_use]
pub fn tag_path(tag: &Tag) -> String {
    format!("/tag/{}", encoded(tag.as_str()))
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_unreserved_characters_stay_as_they_are() {
        for (name, path) in [
            ("az-AZ_09.~", "/az-AZ_09.~"),
            ("Roger Histand", "/Roger%20Histand"),
            ("a?b#c%d&e", "/a%3Fb%23c%25d%26e"),
            ("李", "/%E6%9D%8E"),
        ] {
            let name = Username::parse(name).expect("valid");
            assert_eq!(profile_path(&name), path);
            assert_eq!(avatar_path(&name), format!("/avatar{path}"));
        }
    }

    #[test]
    fn a_search_has_its_words_encoded() {
        let path = search_path("a&in=b c", SearchScope::People);
        assert_eq!(path, "/search?q=a%26in%3Db%20c&in=people");
        assert_eq!(search_path("", SearchScope::Messages), "/search?q=&in=messages");
    }

    #[test]
    fn a_tag_is_one_segment_of_a_path() {
        for (tag, path) in [("Rust_2", "/tag/Rust_2"), ("é", "/tag/%C3%A9")] {
            assert_eq!(tag_path(&Tag::parse(tag).expect("valid")), path);
        }
    }

    proptest! {
        #[test]
        fn a_path_decodes_to_its_name(raw in "\\PC{1,64}") {
            let name = Username::from_stored(raw.clone());
            let path = profile_path(&name);
            prop_assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte)));
            prop_assert_eq!(percent_decode_str(&path[1..]).decode_utf8().expect("UTF-8"), raw);
        }
    }
}
