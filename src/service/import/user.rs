//! Rules for users.

use legacy_data::{User, Value};
use unicode_normalization::UnicodeNormalization as _;

use super::{
    rule::Rule,
    value::{self, Dialect, Rules, Text},
};
use crate::domain::{Password, PasswordHash, Username};

/// The longest name in bytes. An index row of PostgreSQL holds the name twice, and a suffix.
const NAME_MAX_BYTES: usize = 1_000;

/// A user after the rules.
pub(super) struct AssessedUser {
    pub(super) old_id: String,
    pub(super) rules: Rules,
    /// The name that the user gets unless another user has it.
    pub(super) name: String,
    pub(super) email: String,
    pub(super) password: OldPassword,
}

/// A password of an old system.
pub(super) enum OldPassword {
    /// A hash of a known scheme.
    Hash(PasswordHash),
    /// In the clear.
    Plain(PlainPassword),
    /// None by which the user can sign in.
    Unusable,
}

/// A password in the clear.
pub(super) enum PlainPassword {
    /// One that a new user may have.
    Bcrypt(Password),
    /// One that bcrypt cannot hold: of more than 72 bytes, blank, or with U+0000. It is not empty.
    Other(String),
}

/// Applies the rules to a user, who is the record number `row` of its table.
pub(super) fn assess(user: User, row: u64, dialect: Dialect) -> AssessedUser {
    let mut rules = Rules::new();
    let old_id = record_id(&user.source_id, row, dialect, &mut rules);
    let name = name(user.name, &old_id, &mut rules);
    let email = email(user.email, &mut rules);
    let password = password(user.password.into_exposed(), user.password_salt.expose(), &mut rules);
    for (list, field) in [(&user.follows, "follows"), (&user.followers, "followers")] {
        if !list.is_absent() && !matches!(list, Value::Array(_)) {
            rules.push((Rule::FollowsUnreadable, field.to_owned()));
        }
    }
    AssessedUser { old_id, rules, name, email, password }
}

/// The id of a record, or its row number.
pub(super) fn record_id(value: &Value, row: u64, dialect: Dialect, rules: &mut Rules) -> String {
    match value::id(value, dialect) {
        Some((id, converted)) => {
            if converted {
                rules.push((Rule::IdConverted, "id".to_owned()));
            }
            id
        }
        None => {
            rules.push((Rule::IdMissing, String::new()));
            format!("#{row}")
        }
    }
}

/// The name as it can be stored and be part of an address.
pub(super) fn name(value: Value, old_id: &str, rules: &mut Rules) -> String {
    let substitute = || substitute_name(old_id);
    let Text::Some(raw) = value::text(value, "name", rules) else {
        rules.push((Rule::NameMissing, substitute()));
        return substitute();
    };
    let mut name = raw.clone();
    let mut change = |rule, changed: String| {
        if changed != name {
            rules.push((rule, format!("{} → {}", shown(&raw), shown(&changed))));
            name = changed;
        }
        name.clone()
    };
    let allowed = |character: char| !matches!(character, '/' | '\0');
    let spelled = raw.chars().map(|it| if allowed(it) { it } else { '_' }).collect();
    let spelled = change(Rule::NameCharacters, spelled);
    let normalized = change(Rule::NameNormalized, spelled.nfc().collect());
    match normalized.as_str() {
        "" => change(Rule::NameMissing, substitute()),
        "." | ".." => change(Rule::NamePath, substitute()),
        long if long.len() > NAME_MAX_BYTES => change(Rule::NameTooLong, substitute()),
        _ => normalized,
    };
    if let Err(error) = Username::parse_new(&name) {
        rules.push((Rule::NameKept, error.rule().to_owned()));
    }
    name
}

/// The name of a user without one: `user-` and the id, in which `_` replaces all but ASCII letters, digits and hyphens. An
/// id that is a text may have characters that no name has, or that are not in NFC.
pub(super) fn substitute_name(old_id: &str) -> String {
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '-';
    let id = old_id.trim_start_matches('#').chars();
    format!("user-{}", id.map(|it| if allowed(it) { it } else { '_' }).collect::<String>())
}

/// A name in a report, of at most 80 characters.
fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(80).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

fn email(value: Value, rules: &mut Rules) -> String {
    let Text::Some(mut email) = value::text(value, "email", rules) else {
        rules.push((Rule::EmailMissing, String::new()));
        return String::new();
    };
    if email.contains('\0') {
        rules.push((Rule::EmailCharacters, String::new()));
        email = email.replace('\0', "");
    }
    if email.is_empty() {
        rules.push((Rule::EmailMissing, String::new()));
    } else if let Err(error) = crate::domain::Email::parse(&email) {
        rules.push((Rule::EmailInvalid, error.rule().to_owned()));
    }
    email
}

/// Reads a password. No rule's detail contains any of it.
fn password(value: Value, salt: &Value, rules: &mut Rules) -> OldPassword {
    let Text::Some(text) = value::text(value, "password", rules) else {
        rules.push((Rule::PasswordUnusable, "there is no password".to_owned()));
        return OldPassword::Unusable;
    };
    let read = match salt {
        // SQL: the text names its scheme.
        Value::Missing => PasswordHash::parse(&text).ok().map(OldPassword::Hash),
        Value::Null => plain(text),
        Value::Text(salt) => match PasswordHash::parse_predecessor(&text, salt) {
            Ok(hash) => Some(OldPassword::Hash(hash)),
            Err(_) if salt.is_empty() => {
                rules.push((Rule::SaltEmpty, String::new()));
                plain(text)
            }
            Err(_) => None,
        },
        _ => None,
    };
    read.unwrap_or_else(|| {
        rules.push((Rule::PasswordUnusable, "its form is unknown".to_owned()));
        OldPassword::Unusable
    })
}

fn plain(text: String) -> Option<OldPassword> {
    let password = match Password::parse(&text) {
        Ok(password) => PlainPassword::Bcrypt(password),
        Err(_) if text.is_empty() => return None,
        Err(_) => PlainPassword::Other(text),
    };
    Some(OldPassword::Plain(password))
}
