//! No value of an old system breaks a rule of the tables.

use std::{path::Path, sync::Arc};

use legacy_data::{Message, Place, Position, Secret, User, Value};
use proptest::prelude::*;
use time::macros::datetime;
use unicode_normalization::is_nfc;

use super::{
    message::{self, Context},
    report::outcome,
    rule::Outcome,
    user::{self, OldPassword, PlainPassword},
    value::Dialect,
};

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Missing),
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        (-10_i64..4_000_000_000).prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Double),
        any::<String>().prop_map(Value::Text),
        "[ ./\u{0}\u{301}e]{0,4}".prop_map(Value::Text),
        any::<Vec<u8>>().prop_map(Value::InvalidText),
        any::<Vec<u8>>().prop_map(Value::Bytes),
        any::<i64>().prop_map(|micros| Value::Time { unix_micros: micros.into() }),
        any::<i128>().prop_map(|unix_micros| Value::Time { unix_micros }),
        any::<[u8; 12]>().prop_map(Value::ObjectId),
        Just(Value::Other("a document")),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| prop::collection::vec(inner, 0..3).prop_map(Value::Array))
}

fn dialects() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(Dialect::Sql), Just(Dialect::Mongo)]
}

fn position() -> Position {
    Position { file: Arc::from(Path::new("file")), place: Place::File }
}

proptest! {
    #[test]
    fn a_user_fits_the_table(
        fields in prop::array::uniform7(values()),
        dialect in dialects(),
    ) {
        let [source_id, name, email, password, salt, follows, followers] = fields;
        let user = User {
            source_id, name, email,
            password: Secret::new(password),
            password_salt: Secret::new(salt),
            follows, followers,
            position: position(),
        };
        let user = user::assess(user, 7, dialect);
        let (name, id) = (user.name.as_str(), user.old_id.as_str());
        prop_assert!((1..=1_000).contains(&name.len()) && is_nfc(name), "{name:?}");
        prop_assert!(!name.contains(['/', '\0']) && name != "." && name != "..", "{name:?}");
        prop_assert!(!id.is_empty() && id.len() <= 1_024 && !id.contains('\0'), "{id:?}");
        prop_assert!(!user.email.contains('\0'));
        match &user.password {
            OldPassword::Plain(PlainPassword::Bcrypt(password)) => {
                prop_assert!(password.expose().len() <= 72);
            }
            OldPassword::Plain(PlainPassword::Other(password)) => prop_assert!(!password.is_empty()),
            OldPassword::Hash(_) | OldPassword::Unusable => {}
        }
        prop_assert!(outcome(&user.rules) != Outcome::Skipped, "no user is lost");
    }

    #[test]
    fn a_message_fits_the_table(
        fields in prop::array::uniform6(values()),
        dialect in dialects(),
    ) {
        let [source_id, author_id, author_name, published, text, flagged] = fields;
        let message =
            Message { source_id, author_id, author_name, published, text, flagged, position: position() };
        let imported_at = datetime!(2026-01-01 0:00 UTC);
        let user = |_: &str| Some((0, "ann"));
        let context = Context { dialect, imported_at, user: &user };
        let message = message::assess(message, 7, &context);
        prop_assert!(message.published_at <= imported_at);
        prop_assert!(message.published_at > datetime!(1970-01-01 0:00 UTC));
        prop_assert!(!message.text.contains('\0'));
    }
}
