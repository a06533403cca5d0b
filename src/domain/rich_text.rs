//! What a message's text refers to: users, tags and pages of the web.
//!
//! The grammar, in which a word has letters, marks, digits and `_` of any script:
//!
//! - A mention is `@` and a name: words with `.`, `-` or a joiner between them. Names with other
//!   characters cannot be mentioned. `@name@example.org` is somebody elsewhere, and `@logout` nobody:
//!   a link there would not lead to a user.
//! - A tag is `#` and a word with a letter.
//! - Neither begins after a word, nor after a character that makes it a part of something else: an
//!   e-mail address, a character reference, a path.
//! - A link is `http://` or `https://` and whatever an address may have, but for the punctuation at
//!   its end, which belongs to the sentence, and brackets there that are opened before it.
//!
//! `＠` and `＃`, as East Asian keyboards type them, are as good as `@` and `#`.

use super::{
    Tag, Username,
    tag::{is_word_character, joined_word_len, word_len},
};

/// A part of a text, with what it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Nothing but text.
    Text(&'a str),
    /// A user, who may not exist.
    Mention {
        /// The text, with its sign.
        source: &'a str,
        /// Who is mentioned.
        username: Username,
    },
    /// A tag.
    Tag {
        /// The text, with its sign.
        source: &'a str,
        /// The tag.
        tag: Tag,
    },
    /// An address of the web, as it was written.
    Link(&'a str),
}

impl<'a> Segment<'a> {
    /// The text that this is made of.
    #[must_use]
    pub fn source(&self) -> &'a str {
        match self {
            Self::Text(source)
            | Self::Mention { source, .. }
            | Self::Tag { source, .. }
            | Self::Link(source) => source,
        }
    }
}

/// The parts of a text in their order, which together are the text. No two texts follow each other.
///
/// Takes time in proportion to the text: no character begins more than one attempt, and no attempt
/// reads what a later one reads again, but for the few characters of a link's scheme.
#[must_use]
pub fn segments(text: &str) -> Vec<Segment<'_>> {
    let mut found = Vec::new();
    let (mut taken, mut at) = (0, 0);
    while let Some(next) = text[at..].find(['@', '＠', '#', '＃', 'h', 'H']) {
        let start = at + next;
        let (len, segment) = read(&text[..start], &text[start..]);
        at = start + len;
        if let Some(segment) = segment {
            if taken < start {
                found.push(Segment::Text(&text[taken..start]));
            }
            found.push(segment);
            taken = at;
        }
    }
    if taken < text.len() {
        found.push(Segment::Text(&text[taken..]));
    }
    found
}

/// Whether a text has this tag.
#[must_use]
pub fn has_tag(text: &str, wanted: &Tag) -> bool {
    segments(text).iter().any(|part| matches!(part, Segment::Tag { tag, .. } if tag == wanted))
}

/// What `rest`, which is not empty, begins with after `before`; and how many bytes are read then.
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

/// Whether a mention or a tag may follow this character.
fn may_follow(last: Option<char>) -> bool {
    !last.is_some_and(|last| {
        is_word_character(last) || matches!(last, '@' | '＠' | '#' | '＃' | '&' | '/' | '=')
    })
}

fn mention(rest: &str, sign: usize) -> (usize, Option<Segment<'_>>) {
    let is_joiner = |character| matches!(character, '.' | '-' | '\u{200c}' | '\u{200d}');
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
    if !rest[scheme.len()..].starts_with(char::is_alphanumeric) {
        return (scheme.len(), None);
    }
    let address = &rest[..rest.find(ends_address).unwrap_or(rest.len())];
    let address = without_punctuation(address);
    (address.len(), Some(Segment::Link(address)))
}

/// Whether no address has this character: those that RFC 3986 leaves out, quotation marks and East
/// Asian punctuation, and what cannot be seen, by which a link could look like another one.
fn ends_address(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || "<>\"`{}|\\^“”‘’«»、。〈〉《》「」『』【】〔〕（），：；！？…".contains(character)
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// An address without what belongs to the sentence around it.
fn without_punctuation(address: &str) -> &str {
    // How many more brackets of each kind are closed than opened.
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
