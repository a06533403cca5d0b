//! The parser of one document.

use std::borrow::Cow;

use super::{extended, fail::Fail, string};
use crate::{
    layout::Fields,
    record::Value,
    text::{owned_text_value, text_value},
};

/// Levels of nesting in values that no field needs.
const MAX_SKIPPED_DEPTH: usize = 100_000;

/// Levels that wrappers such as `{"$date": {"$numberLong": …}}` add to those of arrays.
const MAX_WRAPPED_DEPTH: usize = Value::MAX_DEPTH + 2;

/// Parses the bytes that are buffered.
pub(super) struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Values of the current field's arrays.
    values: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, values: 0 }
    }

    /// The bytes that are parsed.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// Parses a document into the fields of a record.
    pub(super) fn document(&mut self, fields: &mut Fields) -> Result<(), Fail> {
        self.expect(b'{', "a document does not begin with {")?;
        if self.next_is(b'}')? {
            return Ok(());
        }
        loop {
            let name = self.name()?;
            match fields.vacant(&name) {
                Some(field) => {
                    self.values = 0;
                    *field = self.value(0)?;
                }
                None => self.skip()?,
            }
            if self.ends(b'}')? {
                return Ok(());
            }
        }
    }

    /// A member's name and the colon behind it.
    pub(super) fn name(&mut self) -> Result<Cow<'a, [u8]>, Fail> {
        self.expect(b'"', "a name of a field is expected")?;
        let name = string::rest(self.bytes, &mut self.at)?;
        self.expect(b':', "a colon is expected")?;
        Ok(name)
    }

    /// A value of any type.
    pub(super) fn value(&mut self, depth: usize) -> Result<Value, Fail> {
        let byte = self.peek()?;
        match byte {
            b'"' => {
                self.at += 1;
                Ok(match string::rest(self.bytes, &mut self.at)? {
                    Cow::Borrowed(bytes) => text_value(bytes),
                    Cow::Owned(bytes) => owned_text_value(bytes),
                })
            }
            b'[' if depth >= Value::MAX_DEPTH => {
                self.skip()?;
                Ok(Value::Other("deeply nested array"))
            }
            b'{' if depth > MAX_WRAPPED_DEPTH => {
                self.skip()?;
                Ok(Value::Other("document"))
            }
            b'{' => {
                self.at += 1;
                self.object(depth)
            }
            b'[' => {
                self.at += 1;
                self.array(depth)
            }
            b't' => self.literal(b"true", Value::Bool(true)),
            b'f' => self.literal(b"false", Value::Bool(false)),
            b'n' => self.literal(b"null", Value::Null),
            _ => self.number(),
        }
    }

    /// An object of Extended JSON whose `{` is consumed.
    fn object(&mut self, depth: usize) -> Result<Value, Fail> {
        if self.next_is(b'}')? {
            return Ok(extended::DOCUMENT);
        }
        let name = self.name()?;
        let value = match &name[..] {
            b"$binary" => self.binary(depth)?,
            b"$oid" | b"$numberInt" | b"$numberLong" | b"$numberDouble" | b"$date" | b"$symbol"
            | b"$uuid" => {
                let inner = self.value(depth + 1)?;
                extended::wrapped(&name, inner)
            }
            _ => {
                self.skip()?;
                Value::Other(extended::type_name(&name))
            }
        };
        let mut others = 0;
        while !self.ends(b'}')? {
            self.name()?;
            self.skip()?;
            others += 1;
        }
        let alone = others == 0 || matches!(&name[..], b"$binary" | b"$code" | b"$regex");
        Ok(if alone { value } else { extended::DOCUMENT })
    }

    /// The content of `{"$binary": {"base64": "…", "subType": "…"}}` or `{"$binary": "…", "$type": "…"}`.
    fn binary(&mut self, depth: usize) -> Result<Value, Fail> {
        let mut content = extended::DOCUMENT;
        if self.next_is(b'{')? {
            if self.next_is(b'}')? {
                return Ok(extended::DOCUMENT);
            }
            loop {
                if &self.name()?[..] == b"base64" {
                    content = self.value(depth + 1)?;
                } else {
                    self.skip()?;
                }
                if self.ends(b'}')? {
                    break;
                }
            }
        } else {
            content = self.value(depth + 1)?;
        }
        Ok(extended::binary(content))
    }

    fn array(&mut self, depth: usize) -> Result<Value, Fail> {
        let mut values = Vec::new();
        if self.next_is(b']')? {
            return Ok(Value::Array(values));
        }
        loop {
            self.values += 1;
            if self.values > Value::MAX_ARRAY {
                values = Vec::new();
                self.skip()?;
            } else {
                values.push(self.value(depth + 1)?);
            }
            if self.ends(b']')? {
                let complete = self.values <= Value::MAX_ARRAY;
                return Ok(if complete {
                    Value::Array(values)
                } else {
                    Value::Other("very long array")
                });
            }
        }
    }

    fn literal(&mut self, literal: &[u8], value: Value) -> Result<Value, Fail> {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(literal) {
            self.at += literal.len();
            return Ok(value);
        }
        Err(if literal.starts_with(rest) {
            Fail::Incomplete
        } else {
            self.damaged("a value is expected")
        })
    }

    fn number(&mut self) -> Result<Value, Fail> {
        let rest = &self.bytes[self.at..];
        let is_part =
            |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        // A number is always inside a document, so another byte follows it.
        let length = rest.iter().position(|byte| !is_part(byte)).ok_or(Fail::Incomplete)?;
        // The bytes are ASCII.
        let text = std::str::from_utf8(&rest[..length]).unwrap_or_default();
        let value = match text.parse() {
            Ok(integer) => Value::Integer(integer),
            Err(_) => Value::Double(text.parse().map_err(|_| self.damaged("a value is expected"))?),
        };
        self.at += length;
        Ok(value)
    }

    /// Skips a value without recursion. Only brackets and strings are checked.
    pub(super) fn skip(&mut self) -> Result<(), Fail> {
        let mut closing = Vec::new();
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    string::skip(self.bytes, &mut self.at)?;
                }
                open @ (b'{' | b'[') => {
                    if closing.len() == MAX_SKIPPED_DEPTH {
                        return Err(self.damaged("a value is nested too deeply"));
                    }
                    closing.push(if open == b'{' { b'}' } else { b']' });
                    self.at += 1;
                    continue;
                }
                close @ (b'}' | b']') if closing.last() == Some(&close) => {
                    closing.pop();
                    self.at += 1;
                }
                b',' | b':' if !closing.is_empty() => {
                    self.at += 1;
                    continue;
                }
                byte if byte.is_ascii_alphanumeric() || byte == b'-' => {
                    let rest = &self.bytes[self.at..];
                    let is_part = |byte: &u8| {
                        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
                    };
                    self.at +=
                        rest.iter().position(|byte| !is_part(byte)).ok_or(Fail::Incomplete)?;
                }
                _ => return Err(self.damaged("a value is expected")),
            }
            if closing.is_empty() {
                return Ok(());
            }
        }
    }

    /// The next byte that is no white space. It is not consumed.
    fn peek(&mut self) -> Result<u8, Fail> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Ok(*byte);
            }
            self.at += 1;
        }
        Err(Fail::Incomplete)
    }

    /// Consumes the next byte if it is the given one.
    pub(super) fn next_is(&mut self, byte: u8) -> Result<bool, Fail> {
        let is = self.peek()? == byte;
        self.at += usize::from(is);
        Ok(is)
    }

    /// Consumes a comma, or the end of an object or array. Returns true for the end.
    pub(super) fn ends(&mut self, close: u8) -> Result<bool, Fail> {
        let ends = self.next_is(close)?;
        if !ends {
            self.expect(b',', "a comma or the end of an object or array is expected")?;
        }
        Ok(ends)
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Fail> {
        if self.next_is(byte)? { Ok(()) } else { Err(self.damaged(what)) }
    }

    fn damaged(&self, what: &'static str) -> Fail {
        Fail::Damaged { offset: self.at, what }
    }
}
