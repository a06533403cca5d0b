//! Formats numbers, days and times.

use serde::Serialize;
use time::OffsetDateTime;

/// A day, as the content and the attribute of a `<time>` element.
#[derive(Debug, Serialize)]
pub struct Day {
    /// RFC 3339: `2020-02-21`.
    datetime: String,
    /// `21 February 2020`.
    shown: String,
}

impl Day {
    /// The day of `time` in UTC.
    pub fn of(time: OffsetDateTime) -> Self {
        let shown = format!("{} {} {}", time.day(), time.month(), time.year());
        Self { datetime: date(time), shown }
    }
}

/// A time, as the content and the attribute of a `<time>` element.
#[derive(Debug, Serialize)]
pub struct Moment {
    datetime: String,
    shown: String,
}

impl Moment {
    /// The time in UTC.
    pub fn of(time: OffsetDateTime) -> Self {
        Self { datetime: rfc3339(time), shown: short_time(time) }
    }
}

/// A time in RFC 3339 format, to the second.
pub fn rfc3339(time: OffsetDateTime) -> String {
    let (hour, minute, second) = time.to_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", date(time))
}

/// A time in the original's format: `2020-02-21 @ 12:00`.
pub fn short_time(time: OffsetDateTime) -> String {
    let (hour, minute, _) = time.to_hms();
    format!("{} @ {hour:02}:{minute:02}", date(time))
}

fn date(time: OffsetDateTime) -> String {
    format!("{:04}-{:02}-{:02}", time.year(), u8::from(time.month()), time.day())
}

/// A number with its noun: `1 follower`, `1,234 followers`.
pub fn counted(number: i64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", grouped(number))
}

fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_count_has_commas_and_a_singular_or_plural_noun() {
        for (number, text) in [
            (0, "0 messages"),
            (1, "1 message"),
            (2, "2 messages"),
            (-1, "-1 messages"),
            (999, "999 messages"),
            (1_000, "1,000 messages"),
            (123_456, "123,456 messages"),
            (-1_234_567, "-1,234,567 messages"),
        ] {
            assert_eq!(counted(number, "message", "messages"), text);
        }
    }

    #[test]
    fn days_and_times_have_a_readable_and_a_machine_format() {
        let day = Day::of(datetime!(2020-02-01 23:59:59 UTC));
        assert_eq!((&*day.datetime, &*day.shown), ("2020-02-01", "1 February 2020"));
        let moment = Moment::of(datetime!(2020-02-01 03:04:05.9 UTC));
        assert_eq!(
            (&*moment.datetime, &*moment.shown),
            ("2020-02-01T03:04:05Z", "2020-02-01 @ 03:04")
        );
    }

    proptest! {
        #[test]
        fn a_grouped_number_without_commas_is_the_number(number in any::<i64>()) {
            let text = grouped(number);
            prop_assert_eq!(text.replace(',', "").parse(), Ok(number));
            let digits = text.trim_start_matches('-');
            let groups: Vec<_> = digits.split(',').collect();
            prop_assert!(groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3));
        }
    }
}
