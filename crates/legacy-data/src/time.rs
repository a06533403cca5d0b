//! The times of Extended JSON.

/// Microseconds since 1970 UTC of an ISO 8601 time with an offset, such as `2021-03-01T14:46:40.464Z`.
/// Versions of mongoexport write the offset as `Z`, `+0000` or `+00:00`.
pub(crate) fn parse_iso(text: &[u8]) -> Option<i128> {
    let (date, rest) = text.split_at_checked(19)?;
    let [year, month, day, hour, minute, second] =
        [(0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19)]
            .map(|(start, end)| number(&date[start..end]));
    let separators = [4, 7, 10, 13, 16].map(|index| date[index]);
    if &separators != b"--T::" {
        return None;
    }
    let (year, month, day) = (year?, month?, day?);
    let (hour, minute, second) = (hour?, minute?, second?);
    if !(1..=12).contains(&month)
        || day < 1
        || day > days_in(year, month)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    let (fraction, rest) = fraction(rest)?;
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
        - offset(rest)?;
    Some(i128::from(seconds) * 1_000_000 + i128::from(fraction))
}

/// Microseconds of a fraction, and what follows it. Digits after the sixth are dropped.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(rest) = text.strip_prefix(b".") else { return Some((0, text)) };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at(length);
    let micros =
        digits.iter().map(|digit| i64::from(digit - b'0')).chain(std::iter::repeat(0)).take(6);
    (length > 0).then(|| (micros.fold(0, |sum, digit| sum * 10 + digit), rest))
}

/// Seconds that local time is ahead of UTC.
fn offset(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        b"Z" => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [_, _] => (number(digits)?, 0),
        [_, _, b':', minutes @ ..] | [_, _, minutes @ ..] if minutes.len() == 2 => {
            (number(&digits[..2])?, number(minutes)?)
        }
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

fn leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let years =
        before * 365 + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let months: i64 = (1..month).map(|month| days_in(year, month)).sum();
    // 719,162 days lie between 0001-01-01 and 1970-01-01.
    years + months + day - 1 - 719_162
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_every_offset_are_read() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2021-03-01T14:46:40.464Z", 1_614_610_000_464_000),
            ("2021-03-01T14:46:40.464+0000", 1_614_610_000_464_000),
            ("2021-03-01T16:46:40.4641239+02:00", 1_614_610_000_464_123),
            ("2021-03-01T13:46:40-01", 1_614_610_000_000_000),
            ("9999-12-31T00:00:00Z", 253_402_214_400_000_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
            ("2000-02-29T23:59:59Z", 951_868_799_000_000),
        ] {
            assert_eq!(parse_iso(text.as_bytes()), Some(micros), "{text}");
        }
    }

    #[test]
    fn other_text_is_no_time() {
        for text in [
            "",
            "2021-03-01",
            "2021-02-29T00:00:00Z",
            "2021-13-01T00:00:00Z",
            "2021-01-01T24:00:00Z",
            "2021-01-01T00:00:00",
            "2021-01-01T00:00:00.Z",
            "2021-01-01T00:00:00+99",
            "2021-01-01 00:00:00Z",
            "é021-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_iso(text.as_bytes()), None, "{text}");
        }
    }
}
