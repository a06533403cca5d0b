//! Numbers and days in words.

use serde::Serialize;
use time::OffsetDateTime;

/// A day, for people and for programs.
#[derive(Debug, Serialize)]
pub(super) struct Day {
    /// RFC 3339: `2020-02-21`.
    datetime: String,
    /// `21 February 2020`.
    shown: String,
}

impl Day {
    /// The day of `time`, UTC.
    pub(super) fn of(time: OffsetDateTime) -> Self {
        let (year, month, day) = (time.year(), time.month(), time.day());
        Self {
            datetime: format!("{year:04}-{:02}-{day:02}", u8::from(month)),
            shown: format!("{day} {month} {year}"),
        }
    }
}

/// How many there are of something: `1 follower`, `1,234 followers`.
pub(super) fn counted(number: i64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", grouped(number))
}

/// A number with a comma before every three digits but the first.
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
    fn a_count_has_its_plural_and_its_commas() {
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
    fn a_day_is_told_to_people_and_to_programs() {
        let day = Day::of(datetime!(2020-02-01 23:59:59 UTC));
        assert_eq!((&*day.datetime, &*day.shown), ("2020-02-01", "1 February 2020"));
    }

    proptest! {
        #[test]
        fn without_its_commas_a_number_is_the_number(number in any::<i64>()) {
            let text = grouped(number);
            prop_assert_eq!(text.replace(',', "").parse(), Ok(number));
            let digits = text.trim_start_matches('-');
            let groups: Vec<_> = digits.split(',').collect();
            prop_assert!(groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3));
        }
    }
}
