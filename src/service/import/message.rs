//! Rules for messages.

use legacy_data::Message;
use time::OffsetDateTime;

use super::{
    rule::Rule,
    user::{name, record_id},
    value::{self, Dialect, Rules, Text, Time},
};
use crate::domain::MESSAGE_TEXT_MAX_CHARS;

/// A message after the rules.
pub(super) struct AssessedMessage {
    pub(super) old_id: String,
    pub(super) rules: Rules,
    /// The author's number in the scan; `None` if no user has the id.
    pub(super) author: Option<u32>,
    /// Empty if the message is skipped.
    pub(super) text: String,
    pub(super) published_at: OffsetDateTime,
    pub(super) flagged: bool,
}

/// What the rules for messages need to know.
pub(super) struct Context<'a> {
    pub(super) dialect: Dialect,
    /// The time of the import.
    pub(super) imported_at: OffsetDateTime,
    /// The number of a user with this old id, and the user's name.
    pub(super) user: &'a dyn Fn(&str) -> Option<(u32, &'a str)>,
}

/// Applies the rules to the message that is record number `row` of its table.
pub(super) fn assess(message: Message, row: u64, context: &Context<'_>) -> AssessedMessage {
    let mut rules = Rules::new();
    let old_id = record_id(&message.source_id, row, context.dialect, &mut rules);
    let author = author(&message, context, &mut rules);
    let text = text(message.text, &mut rules);
    let published_at = published_at(&message.published, &old_id, context, &mut rules);
    let flagged = value::flag(&message.flagged).unwrap_or_else(|| {
        rules.push((Rule::FlagUnreadable, String::new()));
        false
    });
    AssessedMessage { old_id, rules, author, text, published_at, flagged }
}

fn author(message: &Message, context: &Context<'_>, rules: &mut Rules) -> Option<u32> {
    let id = value::id(&message.author_id, context.dialect);
    let Some((id, converted)) = id else {
        rules.push((Rule::AuthorUnknown, "there is no author's id".to_owned()));
        return None;
    };
    if converted {
        rules.push((Rule::IdConverted, "author".to_owned()));
    }
    let Some((number, user_name)) = (context.user)(&id) else {
        rules.push((Rule::AuthorUnknown, id));
        return None;
    };
    if !message.author_name.is_absent() {
        let called = name(message.author_name.clone(), &id, &mut Rules::new());
        if called != user_name {
            rules.push((Rule::AuthorRenamed, format!("{called:?}")));
        }
    }
    Some(number)
}

fn text(value: legacy_data::Value, rules: &mut Rules) -> String {
    let text = match value::text(value, "text", rules) {
        Text::Some(text) => text,
        Text::Absent => {
            rules.push((Rule::TextMissing, String::new()));
            return String::new();
        }
        Text::Unreadable => {
            rules.push((Rule::TextUnreadable, String::new()));
            return String::new();
        }
    };
    if text.trim().is_empty() {
        rules.push((Rule::TextEmpty, String::new()));
    }
    let length = text.chars().count();
    if length > MESSAGE_TEXT_MAX_CHARS {
        rules.push((Rule::TextLong, format!("{length} characters")));
    }
    if text.contains('\0') {
        rules.push((Rule::TextNul, String::new()));
        return text.replace('\0', "\u{fffd}");
    }
    text
}

fn published_at(
    value: &legacy_data::Value,
    old_id: &str,
    context: &Context<'_>,
    rules: &mut Rules,
) -> OffsetDateTime {
    let now = context.imported_at;
    let rule = match value::time(value, context.dialect) {
        Time::Micros { micros, converted } => {
            if converted {
                rules.push((Rule::TimeConverted, String::new()));
            }
            match from_micros(micros) {
                Some(time) if time <= now => return time,
                time => {
                    rules.push((Rule::TimeFuture, time.map_or(String::new(), rfc3339)));
                    return now;
                }
            }
        }
        Time::Absent => Rule::TimeMissing,
        Time::Impossible => Rule::TimeImpossible,
    };
    let own = value::time_of_id(old_id).filter(|_| context.dialect == Dialect::Mongo);
    let time = own.and_then(from_micros).map_or(now, |time| time.min(now));
    rules.push((rule, format!("replaced by {}", rfc3339(time))));
    time
}

/// The time of this number of microseconds since 1970; `None` after the year 9999.
pub(super) fn from_micros(micros: i128) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(micros.checked_mul(1_000)?).ok()
}

fn rfc3339(time: OffsetDateTime) -> String {
    use time::format_description::well_known::Rfc3339;
    time.format(&Rfc3339).unwrap_or_default()
}
