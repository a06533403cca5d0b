//! The paths that pages link to, percent-encoded.

use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::domain::{Tag, Username};

/// All characters except the unreserved ones of a URI (RFC 3986, section 2.3).
const NOT_UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The suffix of a feed's path. New usernames must not end in it.
pub(super) const FEED_SUFFIX: &str = ".atom";
pub(super) const PUBLIC_FEED_PATH: &str = "/public.atom";
/// Below it are users with reserved names. The name `users` is reserved, too.
pub(super) const USERS_PATH: &str = "/users/";
/// The target of the form for a new message.
pub(super) const NEW_MESSAGE_PATH: &str = "/add_message";
pub(super) const SETTINGS_PATH: &str = "/settings";
pub(super) const ARCHIVE_PATH: &str = "/settings/data.atom";
pub(super) const TOKENS_PATH: &str = "/settings/tokens";

/// The path of a user. That of a reserved name may belong to a page.
pub(super) fn profile_path(name: &Username) -> String {
    let parent = if name.is_reserved() { USERS_PATH } else { "/" };
    format!("{parent}{}", encoded(name.as_str()))
}

/// The path of a user's feed.
pub(super) fn feed_path(name: &Username) -> String {
    let separator = if name.is_reserved() { "/feed" } else { "" };
    format!("{}{separator}{FEED_SUFFIX}", profile_path(name))
}

pub(super) fn avatar_path(name: &Username) -> String {
    format!("/avatar/{}", encoded(name.as_str()))
}

pub(super) fn message_path(id: i64) -> String {
    format!("/message/{id}")
}

/// The page to reply to a message, and the target of its form.
pub(super) fn reply_path(id: i64) -> String {
    format!("/message/{id}/reply")
}

pub(super) fn tag_path(tag: &Tag) -> String {
    format!("/tag/{}", encoded(tag.as_str()))
}

/// The page to show after signing in, if `raw` is one of this server.
///
/// Browsers read `//host` and `/\\host` as addresses of another host, and remove tabs and line breaks.
pub(super) fn own_path(raw: &str) -> Option<&str> {
    let rest = raw.strip_prefix('/')?;
    let is_safe = rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (is_safe && !rest.starts_with('/')).then_some(raw)
}

/// The page to return to after signing in: that of `path`, or the nearest one if `path` only changes.
pub(super) fn page_of(path: &str, is_read: bool) -> &str {
    for change in ["/follow", "/unfollow"] {
        if let Some(page) = path.strip_suffix(change) {
            return page;
        }
    }
    match path {
        _ if is_read => path,
        NEW_MESSAGE_PATH => "/",
        _ if path.starts_with(SETTINGS_PATH) => SETTINGS_PATH,
        _ => path,
    }
}

/// The data that a search reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SearchScope {
    #[default]
    Messages,
    People,
}

pub(super) fn search_path(query: &str, scope: SearchScope) -> String {
    let scope = match scope {
        SearchScope::Messages => "messages",
        SearchScope::People => "people",
    };
    format!("/search?q={}&in={scope}", encoded(query))
}

/// The path of the page after `cursor` in the list at `list_path`, which may have a query.
pub(super) fn next_page_path(list_path: &str, cursor: impl Display) -> String {
    let separator = if list_path.contains('?') { '&' } else { '?' };
    format!("{list_path}{separator}before={cursor}")
}

fn encoded(text: &str) -> impl Display {
    utf8_percent_encode(text, NOT_UNRESERVED)
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_but_unreserved_characters_are_encoded() {
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
    fn a_reserved_name_has_a_path_that_no_page_takes() {
        for (name, path, feed) in [
            ("status", "/users/status", "/users/status/feed.atom"),
            ("Login", "/users/Login", "/users/Login/feed.atom"),
            ("users", "/users/users", "/users/users/feed.atom"),
            ("a b.atom", "/users/a%20b.atom", "/users/a%20b.atom/feed.atom"),
            ("alice", "/alice", "/alice.atom"),
        ] {
            let name = Username::parse(name).expect("valid");
            assert_eq!((profile_path(&name).as_str(), feed_path(&name).as_str()), (path, feed));
        }
    }

    #[test]
    fn only_paths_of_this_server_are_followed_after_signing_in() {
        for path in ["/", "/settings", "/search?q=a%20b&in=people", "/a%2F%2Fb", "/.//b", "/a#b"] {
            assert_eq!(own_path(path), Some(path));
        }
        for other in [
            "",
            "settings",
            "//evil.test",
            "///evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "/\t/evil.test",
            "/\n/evil.test",
            "\t//evil.test",
            "https://evil.test",
            "https:/evil",
            "javascript:alert(1)",
            "/a b",
            "/a\r\nset-cookie: a=b",
            "/é",
            "/\u{0}",
            " /",
            "/a\\b",
        ] {
            assert_eq!(own_path(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_change_returns_to_the_page_that_offers_it() {
        for (path, is_read, page) in [
            ("/settings/tokens", true, "/settings/tokens"),
            ("/message/7/edit", true, "/message/7/edit"),
            ("/message/7/delete", false, "/message/7/delete"),
            ("/bob/follow", true, "/bob"),
            ("/users/login/unfollow", false, "/users/login"),
            ("/add_message", false, "/"),
            ("/settings/tokens/7/revoke", false, "/settings"),
        ] {
            assert_eq!(page_of(path, is_read), page, "{path}");
        }
    }

    #[test]
    fn a_search_query_is_encoded() {
        let path = search_path("a&in=b c", SearchScope::People);
        assert_eq!(path, "/search?q=a%26in%3Db%20c&in=people");
        assert_eq!(search_path("", SearchScope::Messages), "/search?q=&in=messages");
    }

    #[test]
    fn a_tag_is_one_path_segment() {
        for (tag, path) in [("Rust_2", "/tag/Rust_2"), ("é", "/tag/%C3%A9")] {
            assert_eq!(tag_path(&Tag::parse(tag).expect("valid")), path);
        }
    }

    #[test]
    fn a_cursor_extends_the_query_if_there_is_one() {
        assert_eq!(next_page_path("/public", "1_2"), "/public?before=1_2");
        assert_eq!(next_page_path("/search?q=a", "1_2"), "/search?q=a&before=1_2");
    }

    proptest! {
        #[test]
        fn an_encoded_name_decodes_to_the_name(raw in "\\PC{1,64}") {
            let name = Username::from_stored(raw.clone());
            let path = avatar_path(&name);
            prop_assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte)));
            prop_assert_eq!(percent_decode_str(&path["/avatar/".len()..]).decode_utf8().expect("UTF-8"), raw);
        }
    }
}
