//! Strings, decoded to bytes: they may be no UTF-8.

use std::borrow::Cow;

use super::fail::Fail;

/// Decodes a string whose opening quote is consumed, and consumes the closing quote.
/// A lone surrogate is encoded as three bytes.
pub(super) fn rest<'a>(bytes: &'a [u8], at: &mut usize) -> Result<Cow<'a, [u8]>, Fail> {
    let start = *at;
    let (mut end, mut byte) = special(bytes, start)?;
    if byte == b'"' {
        *at = end + 1;
        return Ok(Cow::Borrowed(&bytes[start..end]));
    }
    let mut decoded = bytes[start..end].to_vec();
    loop {
        if byte == b'"' {
            *at = end + 1;
            return Ok(Cow::Owned(decoded));
        }
        let next = escape(bytes, end, &mut decoded)?;
        (end, byte) = special(bytes, next)?;
        decoded.extend_from_slice(&bytes[next..end]);
    }
}

/// Skips a string whose opening quote is consumed.
pub(super) fn skip(bytes: &[u8], at: &mut usize) -> Result<(), Fail> {
    loop {
        let (end, byte) = special(bytes, *at)?;
        *at = end + 1;
        if byte == b'"' {
            return Ok(());
        }
        // The escaped character; it may be a quote.
        *at += 1;
    }
}

/// The next quote or backslash.
fn special(bytes: &[u8], from: usize) -> Result<(usize, u8), Fail> {
    let rest = bytes.get(from..).ok_or(Fail::Incomplete)?;
    let length = memchr::memchr2(b'"', b'\\', rest).ok_or(Fail::Incomplete)?;
    Ok((from + length, rest[length]))
}

/// Decodes the escape at a backslash. Returns the offset behind it.
fn escape(bytes: &[u8], at: usize, decoded: &mut Vec<u8>) -> Result<usize, Fail> {
    let character = match bytes.get(at + 1).ok_or(Fail::Incomplete)? {
        b'u' => return unicode(bytes, at, decoded),
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other @ (b'"' | b'\\' | b'/') => *other,
        _ => return Err(Fail::Damaged { offset: at, what: "an escape is unknown" }),
    };
    decoded.push(character);
    Ok(at + 2)
}

fn unicode(bytes: &[u8], at: usize, decoded: &mut Vec<u8>) -> Result<usize, Fail> {
    let unit = code_unit(bytes, at)?;
    let mut end = at + 6;
    let mut code = u32::from(unit);
    if (0xd800..0xdc00).contains(&unit) {
        match bytes.get(end..end + 2) {
            Some(b"\\u") => {
                let low = code_unit(bytes, end)?;
                if (0xdc00..0xe000).contains(&low) {
                    code = 0x1_0000 + ((code - 0xd800) << 10) + (u32::from(low) - 0xdc00);
                    end += 6;
                }
            }
            Some(_) => {}
            None => return Err(Fail::Incomplete),
        }
    }
    match char::from_u32(code) {
        Some(character) => decoded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            let [high, low] = unit.to_be_bytes();
            decoded.extend_from_slice(&[
                0xe0 | high >> 4,
                0x80 | (high & 0x0f) << 2 | low >> 6,
                0x80 | low & 0x3f,
            ]);
        }
    }
    Ok(end)
}

/// The four hexadecimal digits of `\uXXXX`.
fn code_unit(bytes: &[u8], at: usize) -> Result<u16, Fail> {
    let digits = bytes.get(at + 2..at + 6).ok_or(Fail::Incomplete)?;
    digits.iter().try_fold(0, |unit: u16, digit| {
        let digit = char::from(*digit).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
        digit
            .map(|digit| unit << 4 | digit)
            .ok_or(Fail::Damaged { offset: at, what: "an escape is unknown" })
    })
}
