//! Reads Extended JSON, canonical and relaxed, without trusting it.
//!
//! serde_json rejects strings with lone surrogates or invalid UTF-8. Here they are values like others. The parser
//! works on the buffered part of the file, does not recurse into what no field needs, and reports offsets.

mod extended;
mod fail;
mod parser;
mod stream;
mod string;

pub(crate) use self::stream::JsonDocuments;
