//! Records as the old systems store them.

use std::fmt;

use crate::error::Position;

/// A value as the source stores it, before any rule of MiniTwit.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The record has no such field, or the table no such column.
    Missing,
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer of up to 64 bits.
    Integer(i64),
    /// A number with a fraction or exponent.
    Double(f64),
    /// Text. It may contain NUL characters.
    Text(String),
    /// Text that is not UTF-8, as stored. A lone surrogate of JSON is encoded as three bytes (WTF-8).
    InvalidText(Vec<u8>),
    /// Binary data.
    Bytes(Vec<u8>),
    /// A time. All sources fit: BSON has milliseconds in 64 bits, PostgreSQL microseconds.
    Time {
        /// Microseconds since 1970 UTC.
        unix_micros: i128,
    },
    /// An ObjectId of MongoDB; its first four bytes are a time in seconds since 1970.
    ObjectId([u8; 12]),
    /// A list. Lists nested deeper than [`Value::MAX_DEPTH`] are [`Value::Other`].
    Array(Vec<Value>),
    /// A value of a type that no field of MiniTwit has; the type's name.
    Other(&'static str),
}

impl Value {
    /// Levels of nested arrays that readers represent.
    pub const MAX_DEPTH: usize = 8;
    /// Values in the arrays of one field that readers represent; a longer array is [`Value::Other`].
    /// A document of MongoDB has at most 16 MiB, so at most 840,000 ObjectIds.
    pub const MAX_ARRAY: usize = 1_000_000;

    /// True if the field is absent or null.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Missing | Self::Null)
    }
}

/// A password or its hash. Its `Debug` form shows the type of the value only.
#[derive(Clone, PartialEq)]
pub struct Secret(Value);

impl Secret {
    /// Hides a value from `Debug`.
    #[must_use]
    pub fn new(value: Value) -> Self {
        Self(value)
    }

    /// The value itself. It must not be logged or reported.
    #[must_use]
    pub fn expose(&self) -> &Value {
        &self.0
    }

    /// Takes the value out. It must not be logged or reported.
    #[must_use]
    pub fn into_exposed(self) -> Value {
        self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Value::Missing => "Secret(missing)",
            Value::Null => "Secret(null)",
            _ => "Secret(redacted)",
        })
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The id: an integer in SQL, an ObjectId in MongoDB.
    pub source_id: Value,
    /// The name.
    pub name: Value,
    /// The e-mail address.
    pub email: Value,
    /// The password or its hash.
    pub password: Secret,
    /// MongoDB: the salt in base64; null if the password is plain text. SQL: missing.
    pub password_salt: Secret,
    /// MongoDB: ids of users that this user follows. SQL: missing, see [`Follow`].
    pub follows: Value,
    /// MongoDB: ids of users that follow this user. SQL: missing.
    pub followers: Value,
    /// Where the record is.
    pub position: Position,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The id: an integer in SQL, an ObjectId in MongoDB.
    pub source_id: Value,
    /// The author's id.
    pub author_id: Value,
    /// MongoDB: the author's name when the message was posted. SQL: usually missing.
    pub author_name: Value,
    /// The time of publication. SQL: usually an integer of seconds since 1970.
    pub published: Value,
    /// The text.
    pub text: Value,
    /// SQL: not zero if a moderator hid the message. MongoDB: usually missing.
    pub flagged: Value,
    /// Where the record is.
    pub position: Position,
}

/// A follow; a row of its own in SQL only.
#[derive(Clone, Debug, PartialEq)]
pub struct Follow {
    /// The id of the user that follows.
    pub follower_id: Value,
    /// The id of the user that is followed.
    pub followee_id: Value,
    /// Where the record is.
    pub position: Position,
}

/// The simulator's last command.
#[derive(Clone, Debug, PartialEq)]
pub struct Latest {
    /// The number of the command.
    pub value: Value,
    /// Where the record is.
    pub position: Position,
}

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// [`User`].
    Users,
    /// [`Message`].
    Messages,
    /// [`Follow`].
    Follows,
    /// [`Latest`].
    Latest,
}

impl Table {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Users, Self::Messages, Self::Follows, Self::Latest];

    /// The kind's name in plural: "users".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Messages => "messages",
            Self::Follows => "follows",
            Self::Latest => "latest",
        }
    }
}

/// A record of any kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A user.
    User(User),
    /// A message.
    Message(Message),
    /// A follow.
    Follow(Follow),
    /// The simulator's last command.
    Latest(Latest),
}
