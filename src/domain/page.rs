//! Pages of a timeline: how many messages one shows, and the cursor that says where it begins.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::OffsetDateTime;

use super::Username;

/// How many messages a page of a timeline shows (the original's `PER_PAGE`).
pub const PAGE_SIZE: u16 = 30;

/// The first microsecond that PostgreSQL's `timestamptz` can tell, from the Unix epoch: the
/// beginning of Julian day 0, in 4714 BC (its `datatype/timestamp.h`, `MIN_TIMESTAMP`).
const FIRST_MICROSECOND: i64 = -210_866_803_200_000_000;

/// The place of a message on a timeline, which runs by time and, within a microsecond, by key.
///
/// Its text form is opaque to clients: the microseconds since the Unix epoch and the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    published_at: OffsetDateTime,
    message_id: i64,
}

/// The text is no cursor that this server gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The cursor is malformed")]
pub struct InvalidCursor;

impl Cursor {
    /// The place of the message `message_id`. Time is cut to PostgreSQL's microseconds.
    #[must_use]
    pub fn new(published_at: OffsetDateTime, message_id: i64) -> Self {
        let nanosecond = published_at.nanosecond() / 1_000 * 1_000;
        let published_at = published_at.replace_nanosecond(nanosecond).unwrap_or(published_at);
        Self { published_at, message_id }
    }

    /// When the message was published.
    #[must_use]
    pub fn published_at(&self) -> OffsetDateTime {
        self.published_at
    }

    /// The key of the message.
    #[must_use]
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

/// The place of an item in a list that runs by the items' keys alone. Its text form is opaque, too.
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

/// The place of a user in a list that runs by name. Its text form is opaque, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameCursor(String);

impl NameCursor {
    /// The place of the user of this name.
    #[must_use]
    pub fn new(username: &Username) -> Self {
        Self(username.as_str().to_owned())
    }

    /// The name.
    #[must_use]
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

/// Some items of a longer list, and where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C = Cursor> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last one.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// The page of the first `limit` of `rows`, each an item and its place. One row more than the
    /// page shows tells that there is a next page.
    #[must_use]
    pub fn of(rows: impl Iterator<Item = (T, C)>, limit: u16) -> Self {
        let mut rows: Vec<(T, C)> = rows.collect();
        let more = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        let (items, mut places): (Vec<T>, Vec<C>) = rows.into_iter().unzip();
        Self { items, next: places.pop().filter(|_| more) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_no_server_gave_out_is_refused() {
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
    fn a_page_has_a_next_one_only_if_a_row_is_left() {
        let rows = || [("a", KeyCursor(3)), ("b", KeyCursor(2))].into_iter();
        assert_eq!(Page::of(rows(), 1), Page { items: vec!["a"], next: Some(KeyCursor(3)) });
        assert_eq!(Page::of(rows(), 2), Page { items: vec!["a", "b"], next: None });
    }

    proptest! {
        #[test]
        fn a_name_survives_its_text(raw in "\\PC{1,64}") {
            if let Ok(name) = Username::parse(&raw) {
                let cursor = NameCursor::new(&name);
                prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }

        #[test]
        fn a_key_survives_its_text(key in any::<i64>()) {
            prop_assert_eq!(KeyCursor(key).to_string().parse(), Ok(KeyCursor(key)));
        }

        #[test]
        fn a_cursor_survives_its_text(
            microseconds in -60_000_000_000_000_000_i64..250_000_000_000_000_000,
            message_id in any::<i64>(),
        ) {
            let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1_000)
                .expect("within the range of time");
            let cursor = Cursor::new(time, message_id);
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn no_input_makes_the_parser_panic(text in any::<String>()) {
            let _ = text.parse::<Cursor>();
            let _ = text.parse::<KeyCursor>();
            let _ = text.parse::<NameCursor>();
        }
    }
}
