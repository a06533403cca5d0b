//! Mentions, tags and links in the text of a message.
//!
//! The grammar, in which a word consists of letters, marks, digits and `_` of any script:
//!
//! - A mention is `@` and a username: words with `.`, `-` or a joiner between them. Usernames with
//!   other characters cannot be mentioned. An account on another site (`@name@example.org`) is not a
//!   mention, nor is a reserved username such as `@logout`.
//! - A tag is `#` and a word with a letter. Punctuation inside words of some languages may stand between
//!   two of its characters, as in `#il·lusió`.
//! - A mention or a tag does not begin directly after a word. Nor does it begin after a character that
//!   makes it part of an e-mail address, a character reference or a path.
//! - A link is `http://` or `https://`, a host, and the characters of a URL. Punctuation at its end, and
//!   closing brackets there that the URL does not open, belong to the sentence. So does what follows a
//!   host and is neither a port, a path, a query nor a fragment, as in `https://example.org's`.
//!
//! `＠` and `＃` of East Asian keyboards mean the same as `@` and `#`.

use std::net::Ipv6Addr;

use super::{
    Tag, Username,
    characters::is_invisible,
    tag::{is_inner_joiner, is_word_character, joined_word_len, word_len},
};

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Plain text.
    Text(&'a str),
    /// A mention of a user. The user may not exist.
    Mention {
        /// The text, including the sign.
        source: &'a str,
        /// The mentioned user.
        username: Username,
    },
    /// A tag.
    Tag {
        /// The text, including the sign.
        source: &'a str,
        /// The tag.
        tag: Tag,
    },
    /// A URL, unchanged.
    Link(&'a str),
}

impl<'a> Segment<'a> {
    /// The part of the text that this segment covers.
    pub fn source(&self) -> &'a str {
        match self {
            Self::Text(source)
            | Self::Mention { source, .. }
            | Self::Tag { source, .. }
            | Self::Link(source) => source,
        }
    }
}

/// Splits a text into segments, which together are the text. No two [`Segment::Text`] are adjacent.
///
/// Takes time proportional to the length of the text: parsing continues after each attempt, and
/// reads only the characters of a link's scheme twice.
pub fn segments(text: &str) -> Vec<Segment<'_>> {
    let mut found = Vec::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(next) = text[at..].find(['@', '＠', '#', '＃', 'h', 'H']) {
        let start = at + next;
        let (len, segment) = read(&text[..start], &text[start..]);
        at = start + len;
        if let Some(segment) = segment {
            if copied < start {
                found.push(Segment::Text(&text[copied..start]));
            }
            found.push(segment);
            copied = at;
        }
    }
    if copied < text.len() {
        found.push(Segment::Text(&text[copied..]));
    }
    found
}

/// Whether a text has this tag.
pub fn has_tag(text: &str, wanted: &Tag) -> bool {
    segments(text).iter().any(|part| matches!(part, Segment::Tag { tag, .. } if tag == wanted))
}

/// Parses the beginning of `rest`, which follows `before`. Returns the number of bytes read, and a
/// segment if there is one.
fn read<'a>(before: &str, rest: &'a str) -> (usize, Option<Segment<'a>>) {
    let Some(sign) = rest.chars().next() else { return (0, None) };
    let last = before.chars().next_back();
    let (len, segment) = match sign {
        '@' | '＠' if may_follow(last) => mention(rest, sign.len_utf8()),
        '#' | '＃' if may_follow(last) => tag(rest, sign.len_utf8()),
        'h' | 'H' if !last.is_some_and(|last| last.is_ascii_alphanumeric() || last == '+') => {
            link(rest)
        }
        _ => (0, None),
    };
    (len.max(sign.len_utf8()), segment)
}

fn may_follow(last: Option<char>) -> bool {
    !last.is_some_and(|last| {
        is_word_character(last) || matches!(last, '@' | '＠' | '#' | '＃' | '&' | '/' | '=')
    })
}

fn mention(rest: &str, sign: usize) -> (usize, Option<Segment<'_>>) {
    let is_joiner = |character| matches!(character, '.' | '-') || is_inner_joiner(character);
    let len = sign + joined_word_len(&rest[sign..], is_joiner);
    let elsewhere = rest[len..].starts_with(['@', '＠']);
    let username = Username::parse_new(&rest[sign..len]).ok().filter(|_| !elsewhere);
    (len, username.map(|username| Segment::Mention { source: &rest[..len], username }))
}

fn tag(rest: &str, sign: usize) -> (usize, Option<Segment<'_>>) {
    let len = sign + word_len(&rest[sign..]);
    let tag = Tag::of_word(&rest[sign..len]);
    (len, tag.map(|tag| Segment::Tag { source: &rest[..len], tag }))
}

fn link(rest: &str) -> (usize, Option<Segment<'_>>) {
    let begins = |scheme: &&str| {
        rest.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    };
    let Some(scheme) = ["https://", "http://"].into_iter().find(begins) else { return (0, None) };
    let after = &rest[scheme.len()..];
    let authority = authority_len(after);
    if authority == 0 {
        return (scheme.len(), None);
    }
    let tail = &after[authority..];
    let has_tail = tail.starts_with(['/', '?', '#']);
    let tail = if has_tail { tail.find(ends_address).unwrap_or(tail.len()) } else { 0 };
    let address = without_punctuation(&rest[..scheme.len() + authority + tail]);
    (address.len(), Some(Segment::Link(address)))
}

/// The length of the authority with which `text` begins (RFC 3986, section 3.2): a host, perhaps with
/// a user's name before it and a port after it. 0 if it begins with none.
fn authority_len(text: &str) -> usize {
    if !text.starts_with(|first: char| first.is_alphanumeric() || first == '[') {
        return 0;
    }
    let end = text.find(|it| ends_address(it) || matches!(it, '/' | '?' | '#'));
    let user = text[..end.unwrap_or(text.len())].rfind('@').map_or(0, |at| at + 1);
    let host = user + host_len(&text[user..]);
    if host == user {
        // What looked like a user's name is a host, and the rest belongs to the sentence.
        return if user == 0 { 0 } else { host_len(text) };
    }
    let Some(port) = text[host..].strip_prefix(':') else { return host };
    let digits = port.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 || port.starts_with(['/', '?', '#']) { host + 1 + digits } else { host }
}

fn host_len(text: &str) -> usize {
    if let Some(rest) = text.strip_prefix('[') {
        let address = rest.split_once(']').map(|(address, _)| address);
        let is_valid = address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
        return if is_valid { address.map_or(0, |address| address.len() + 2) } else { 0 };
    }
    if !text.starts_with(char::is_alphanumeric) {
        return 0;
    }
    let is_in_host = |it: char| is_word_character(it) || matches!(it, '-' | '.' | '%');
    text.find(|it| !is_in_host(it)).unwrap_or(text.len())
}

/// Whether a URL ends before this character: one that RFC 3986 excludes, a quotation mark, or East
/// Asian punctuation. Invisible characters also end it, since they could make one link look like
/// another.
fn ends_address(character: char) -> bool {
    is_invisible(character)
        || "<>\"`{}|\\^“”‘’«»、。〈〉《》「」『』【】〔〕（），：；！？…".contains(character)
}

/// Removes the punctuation at the end of a URL that belongs to the sentence.
fn without_punctuation(address: &str) -> &str {
    // How many brackets are closed but not opened.
    let surplus = |open: char, close: char| {
        address.matches(close).count().saturating_sub(address.matches(open).count())
    };
    let (mut round, mut square) = (surplus('(', ')'), surplus('[', ']'));
    address.trim_end_matches(|last| match last {
        ')' if round > 0 => {
            round -= 1;
            true
        }
        ']' if square > 0 => {
            square -= 1;
            true
        }
        _ => matches!(last, '.' | ',' | ':' | ';' | '!' | '?' | '\'' | '*'),
    })
}

#[cfg(test)]
mod tests;
