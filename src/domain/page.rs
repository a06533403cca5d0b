//! Pages of lists, and the cursors after which they start.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::OffsetDateTime;

use super::user::Username;

/// The number of messages on a page of a timeline (`PER_PAGE` of the original MiniTwit).
pub const PAGE_SIZE: u16 = 30;

/// The earliest `timestamptz` of PostgreSQL, in microseconds since the Unix epoch: the beginning of
/// Julian day 0, in 4714 BC (`MIN_TIMESTAMP` in its `datatype/timestamp.h`).
const FIRST_MICROSECOND: i64 = -210_866_803_200_000_000;

/// The position of a message in a timeline: its time and its id. Timelines are ordered by time and,
/// within a microsecond, by id. Lists of follows use it, too.
///
/// Its text is opaque to clients: the microseconds since the Unix epoch and the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    published_at: OffsetDateTime,
    message_id: i64,
}

/// The error of a text that is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The cursor is malformed")]
pub struct InvalidCursor;

impl Cursor {
    /// Creates the position of a message. The time is truncated to PostgreSQL's microseconds.
    pub fn new(published_at: OffsetDateTime, message_id: i64) -> Self {
        let nanosecond = published_at.nanosecond() / 1_000 * 1_000;
        let published_at = published_at.replace_nanosecond(nanosecond).unwrap_or(published_at);
        Self { published_at, message_id }
    }

    /// The time of the message.
    pub fn published_at(&self) -> OffsetDateTime {
        self.published_at
    }

    /// The id of the message.
    pub fn message_id(&self) -> i64 {
        self.message_id
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let microseconds = self.published_at.unix_timestamp_nanos().div_euclid(1_000);
        write!(f, "{microseconds}_{}", self.message_id)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (microseconds, message_id) = text.split_once('_').ok_or(InvalidCursor)?;
        let microseconds: i64 = microseconds.parse().map_err(|_| InvalidCursor)?;
        if microseconds < FIRST_MICROSECOND {
            return Err(InvalidCursor);
        }
        let published_at =
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1_000)
                .map_err(|_| InvalidCursor)?;
        let message_id = message_id.parse().map_err(|_| InvalidCursor)?;
        Ok(Self { published_at, message_id })
    }
}

/// The position of an item in a list ordered by id. Its text is opaque, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyCursor(pub i64);

impl fmt::Display for KeyCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for KeyCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        text.parse().map(Self).map_err(|_| InvalidCursor)
    }
}

/// The position of a user in a list ordered by username. Its text is opaque, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameCursor(String);

impl NameCursor {
    /// Creates the position of the user with this username.
    pub fn new(username: &Username) -> Self {
        Self(username.as_str().to_owned())
    }

    /// The username.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NameCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl FromStr for NameCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let name = String::from_utf8(bytes).map_err(|_| InvalidCursor)?;
        let name = Username::parse(&name).map_err(|_| InvalidCursor)?;
        Ok(Self::new(&name))
    }
}

/// A part of a list, and the cursor of the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C = Cursor> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// The cursor after which the next page starts; `None` on the last page.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// Creates a page of the first `limit` items of `rows`. A further row means that there is a next
    /// page.
    pub fn of(rows: impl Iterator<Item = (T, C)>, limit: u16) -> Self {
        let mut rows: Vec<(T, C)> = rows.collect();
        let more = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        let (items, mut cursors): (Vec<T>, Vec<C>) = rows.into_iter().unzip();
        Self { items, next: cursors.pop().filter(|_| more) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_malformed_cursor_is_rejected() {
        for text in [
            "",
            "_",
            "1",
            "1_",
            "_1",
            "a_1",
            "1_b",
            "1_2_3",
            "99999999999999999999_1",
            "9223372036854775807_1",
            "-210866803200000001_1",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }

    #[test]
    fn a_page_has_a_next_page_only_if_there_is_a_further_row() {
        let rows = || [("a", KeyCursor(3)), ("b", KeyCursor(2))].into_iter();
        assert_eq!(Page::of(rows(), 1), Page { items: vec!["a"], next: Some(KeyCursor(3)) });
        assert_eq!(Page::of(rows(), 2), Page { items: vec!["a", "b"], next: None });
    }

    proptest! {
        #[test]
        fn a_name_cursor_is_parsed_from_its_text(raw in "\\PC{1,64}") {
            if let Ok(name) = Username::parse(&raw) {
                let cursor = NameCursor::new(&name);
                prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }

        #[test]
        fn a_key_cursor_is_parsed_from_its_text(key in any::<i64>()) {
            prop_assert_eq!(KeyCursor(key).to_string().parse(), Ok(KeyCursor(key)));
        }

        #[test]
        fn a_cursor_is_parsed_from_its_text(
            microseconds in -60_000_000_000_000_000_i64..250_000_000_000_000_000,
            message_id in any::<i64>(),
        ) {
            let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1_000)
                .expect("within the range of time");
            let cursor = Cursor::new(time, message_id);
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn no_input_makes_a_parser_panic(text in any::<String>()) {
            let _ = text.parse::<Cursor>();
            let _ = text.parse::<KeyCursor>();
            let _ = text.parse::<NameCursor>();
        }
    }
}
