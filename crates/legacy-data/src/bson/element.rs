//! The elements of one document.

use crate::{record::Value, text::text_value};

/// Damage in a document: the offset from its first byte, and what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) offset: usize,
    pub(crate) what: &'static str,
}

/// One element: a name and an undecoded value.
pub(crate) struct Element<'a> {
    /// The name, without its NUL; usually UTF-8.
    pub(crate) name: &'a [u8],
    kind: u8,
    bytes: &'a [u8],
    offset: usize,
}

/// The elements of a document, given with its length and final NUL.
pub(crate) fn elements(document: &[u8]) -> Elements<'_> {
    Elements { document, offset: 4, base: 0 }
}

/// Iterates over elements. After damage it yields nothing more.
pub(crate) struct Elements<'a> {
    document: &'a [u8],
    offset: usize,
    base: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        // The last byte is the document's NUL; `next_document` and `nested` checked it.
        let end = self.document.len().checked_sub(1)?;
        if self.offset >= end {
            return None;
        }
        let element =
            self.element(end).map_err(|what| Damage { offset: self.base + self.offset, what });
        if element.is_err() {
            self.offset = end;
        }
        Some(element)
    }
}

impl<'a> Elements<'a> {
    fn element(&mut self, end: usize) -> Result<Element<'a>, &'static str> {
        let kind = self.document[self.offset];
        let name_start = self.offset + 1;
        let rest = &self.document[name_start..end];
        let name_length = memchr::memchr(0, rest).ok_or("the name of a field has no end")?;
        let (name, rest) = (&rest[..name_length], &rest[name_length + 1..]);
        let length = value_length(kind, rest)?;
        let bytes = rest.get(..length).ok_or("a value is longer than its document")?;
        let offset = name_start + name_length + 1;
        self.offset = offset + length;
        Ok(Element { name, kind, bytes, offset: self.base + offset })
    }
}

/// The bytes of a value of a type. Its content may be shorter than that.
fn value_length(kind: u8, rest: &[u8]) -> Result<usize, &'static str> {
    let cut = "a value is longer than its document";
    let counted = |extra: usize| -> Result<usize, &'static str> {
        let length = i32_at(rest, 0).ok_or(cut)?;
        usize::try_from(length)
            .map(|length| length.saturating_add(extra))
            .map_err(|_| "a length is negative")
    };
    match kind {
        DOUBLE | TIME | TIMESTAMP | INT64 => Ok(8),
        STRING | CODE | SYMBOL => counted(4),
        DOCUMENT | ARRAY | CODE_WITH_SCOPE => match counted(0)? {
            0..5 => Err("a nested document is shorter than its length"),
            length => Ok(length),
        },
        BINARY => counted(5),
        UNDEFINED | NULL | MIN_KEY | MAX_KEY => Ok(0),
        OBJECT_ID => Ok(12),
        BOOL => Ok(1),
        REGEX => {
            let pattern = memchr::memchr(0, rest).ok_or(cut)? + 1;
            Ok(pattern + memchr::memchr(0, &rest[pattern..]).ok_or(cut)? + 1)
        }
        DB_POINTER => counted(16),
        INT32 => Ok(4),
        DECIMAL128 => Ok(16),
        _ => Err("a value has an unknown type"),
    }
}

/// More values than [`Value::MAX_ARRAY`].
const VERY_LONG: Value = Value::Other("very long array");

const DOUBLE: u8 = 0x01;
const STRING: u8 = 0x02;
const DOCUMENT: u8 = 0x03;
const ARRAY: u8 = 0x04;
const BINARY: u8 = 0x05;
const UNDEFINED: u8 = 0x06;
const OBJECT_ID: u8 = 0x07;
const BOOL: u8 = 0x08;
const TIME: u8 = 0x09;
const NULL: u8 = 0x0a;
const REGEX: u8 = 0x0b;
const DB_POINTER: u8 = 0x0c;
const CODE: u8 = 0x0d;
const SYMBOL: u8 = 0x0e;
const CODE_WITH_SCOPE: u8 = 0x0f;
const INT32: u8 = 0x10;
const TIMESTAMP: u8 = 0x11;
const INT64: u8 = 0x12;
const DECIMAL128: u8 = 0x13;
const MAX_KEY: u8 = 0x7f;
const MIN_KEY: u8 = 0xff;

impl<'a> Element<'a> {
    /// The value.
    ///
    /// # Errors
    /// Returns the damage if a string or array inside is not well-framed.
    pub(crate) fn value(&self) -> Result<Value, Damage> {
        self.decode(0, &mut 0)
    }

    /// The text of a string; `None` for every other type.
    pub(crate) fn text(&self) -> Option<&'a [u8]> {
        if self.kind == STRING { self.string().ok() } else { None }
    }

    /// True for the boolean true.
    pub(crate) fn is_true(&self) -> bool {
        self.kind == BOOL && self.bytes == [1]
    }

    /// The value of a 64-bit integer.
    pub(crate) fn int64(&self) -> Option<i64> {
        if self.kind == INT64 { fixed(self.bytes).map(i64::from_le_bytes) } else { None }
    }

    fn decode(&self, depth: usize, count: &mut usize) -> Result<Value, Damage> {
        // `value_length` gave the bytes, so the conversions below cannot fail; they fail closed.
        let cut = self.damage("a value is shorter than its type");
        let long = || fixed(self.bytes).map(i64::from_le_bytes).ok_or(cut);
        Ok(match self.kind {
            DOUBLE => Value::Double(f64::from_le_bytes(fixed(self.bytes).ok_or(cut)?)),
            STRING | SYMBOL => text_value(self.string()?),
            ARRAY => return self.array(depth, count),
            BINARY => Value::Bytes(self.bytes[5..].to_vec()),
            OBJECT_ID => Value::ObjectId(fixed(self.bytes).ok_or(cut)?),
            BOOL => Value::Bool(self.bytes != [0]),
            TIME => Value::Time { unix_micros: i128::from(long()?) * 1_000 },
            NULL => Value::Null,
            INT32 => Value::Integer(i64::from(i32_at(self.bytes, 0).ok_or(cut)?)),
            INT64 => Value::Integer(long()?),
            other => Value::Other(type_name(other)),
        })
    }

    /// The bytes of a string without its final NUL. It may contain other NULs.
    fn string(&self) -> Result<&'a [u8], Damage> {
        match self.bytes.get(4..).and_then(<[u8]>::split_last) {
            Some((0, text)) => Ok(text),
            _ => Err(self.damage("a string does not end with a NUL byte")),
        }
    }

    fn array(&self, depth: usize, count: &mut usize) -> Result<Value, Damage> {
        if self.bytes.len() < 5 || self.bytes.last() != Some(&0) {
            return Err(self.damage("an array does not end with a NUL byte"));
        }
        if depth == Value::MAX_DEPTH {
            return Ok(Value::Other("deeply nested array"));
        }
        let mut values = Vec::new();
        for element in (Elements { document: self.bytes, offset: 4, base: self.offset }) {
            *count += 1;
            if *count > Value::MAX_ARRAY {
                return Ok(VERY_LONG);
            }
            values.push(element?.decode(depth + 1, count)?);
        }
        if *count > Value::MAX_ARRAY { Ok(VERY_LONG) } else { Ok(Value::Array(values)) }
    }

    fn damage(&self, what: &'static str) -> Damage {
        Damage { offset: self.offset, what }
    }
}

fn type_name(kind: u8) -> &'static str {
    match kind {
        DOCUMENT => "document",
        UNDEFINED => "undefined",
        REGEX => "regular expression",
        DB_POINTER => "DBPointer",
        CODE | CODE_WITH_SCOPE => "JavaScript",
        TIMESTAMP => "timestamp",
        DECIMAL128 => "decimal128",
        MIN_KEY => "minimum key",
        _ => "maximum key",
    }
}

fn fixed<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

/// The 32-bit integer at an offset.
pub(crate) fn i32_at(bytes: &[u8], offset: usize) -> Option<i32> {
    bytes.get(offset..)?.first_chunk().copied().map(i32::from_le_bytes)
}
