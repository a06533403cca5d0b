//! A file of documents: one after the other (usually a line each), or in an array.

use super::{fail::Fail, parser::Parser};
use crate::{
    error::{Cause, Error},
    input::Input,
    layout::Fields,
    record::{Record, Table},
};

/// A bound for the text of a document. MongoDB's documents have at most 16 MiB.
const MAX_DOCUMENT: usize = 64 * 1024 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What is expected next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The beginning of the file.
    Start,
    /// A document, or the end of the file.
    Lines,
    /// A document, or the end of the array if it is empty.
    FirstInArray,
    /// A comma or the end of the array.
    InArray,
    /// A document after a comma.
    AfterComma,
    /// Nothing but white space.
    AfterArray,
    /// Nothing: the file has ended, or an error occurred.
    Finished,
}

/// The records of a file of Extended JSON.
pub(crate) struct JsonDocuments {
    input: Input,
    table: Table,
    state: State,
}

impl JsonDocuments {
    pub(crate) fn new(input: Input, table: Table) -> Self {
        Self { input, table, state: State::Start }
    }

    fn read(&mut self) -> Result<Option<Record>, Error> {
        if self.state == State::Start && self.input.peek(BYTE_ORDER_MARK.len())? == BYTE_ORDER_MARK
        {
            self.input.consume(BYTE_ORDER_MARK.len());
        }
        loop {
            let next = self.skip_space()?;
            let offset = self.input.offset();
            self.state = match (self.state, next) {
                (State::Start | State::Lines | State::AfterArray, None) => return Ok(None),
                (_, None) => {
                    return Err(self
                        .input
                        .error(offset, Cause::Truncated("it ends inside an array")));
                }
                (State::Start, Some(b'[')) => self.step(State::FirstInArray),
                (State::FirstInArray | State::InArray, Some(b']')) => self.step(State::AfterArray),
                (State::InArray, Some(b',')) => self.step(State::AfterComma),
                (State::InArray, _) => {
                    return Err(self.damaged("a comma or the end of the array is expected"));
                }
                (State::AfterArray, _) => return Err(self.damaged("something follows the array")),
                (State::Start | State::Lines, _) => {
                    self.state = State::Lines;
                    return self.document().map(Some);
                }
                _ => {
                    self.state = State::InArray;
                    return self.document().map(Some);
                }
            };
        }
    }

    fn step(&mut self, state: State) -> State {
        self.input.consume(1);
        state
    }

    /// The next byte that is no white space. It is not consumed.
    fn skip_space(&mut self) -> Result<Option<u8>, Error> {
        loop {
            let buffered = self.input.buffered()?;
            if buffered.is_empty() {
                return Ok(None);
            }
            let space = buffered
                .iter()
                .take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
                .count();
            let next = buffered.get(space).copied();
            self.input.consume(space);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    fn document(&mut self) -> Result<Record, Error> {
        let offset = self.input.offset();
        let mut wanted = 0;
        loop {
            let bytes =
                if wanted == 0 { self.input.buffered()? } else { self.input.peek(wanted)? };
            let available = bytes.len();
            let mut fields = Fields::new(self.table);
            let mut parser = Parser::new(bytes);
            match parser.document(&mut fields) {
                Ok(()) => {
                    let length = parser.offset();
                    self.input.consume(length);
                    return Ok(fields.into_record(self.input.position(offset)));
                }
                Err(Fail::Damaged { offset: inner, what }) => {
                    return Err(self
                        .input
                        .error(offset + inner as u64, Cause::Damaged(what.to_owned())));
                }
                Err(Fail::Incomplete) if available < wanted => {
                    return Err(self
                        .input
                        .error(offset, Cause::Truncated("it ends inside a document")));
                }
                Err(Fail::Incomplete) if available >= MAX_DOCUMENT => {
                    return Err(self
                        .input
                        .error(offset, Cause::Damaged("a document has no end".to_owned())));
                }
                // Twice as much each time, so that parsing again costs no more than parsing once more.
                Err(Fail::Incomplete) => wanted = (2 * available).clamp(4096, MAX_DOCUMENT),
            }
        }
    }

    fn damaged(&self, what: &str) -> Error {
        self.input.error(self.input.offset(), Cause::Damaged(what.to_owned()))
    }
}

impl Iterator for JsonDocuments {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Finished {
            return None;
        }
        let item = self.read().transpose();
        if !matches!(item, Some(Ok(_))) {
            self.state = State::Finished;
        }
        item
    }
}
