//! A file of documents, one after the other.

use super::element::i32_at;
use crate::{
    error::{Cause, Error},
    input::Input,
};

/// MongoDB's bound for a document, and 16 KiB that it allows its own fields.
pub(crate) const MAX_DOCUMENT: usize = (16 * 1024 + 16) * 1024;
/// The length and the final NUL.
const MIN_DOCUMENT: usize = 5;
/// The length that ends a block of an archive.
const TERMINATOR: i32 = -1;

/// What a file of documents has next.
pub(crate) enum Framed {
    /// A document of so many bytes. [`Input::peek`] gives them, [`Input::consume`] skips them.
    Document(usize),
    /// The terminator of an archive's block, consumed.
    Terminator,
    /// The end of the file.
    End,
}

/// Finds the next document of a file.
///
/// # Errors
/// Returns an error if the file ends within the document, or the length is impossible.
pub(crate) fn next_document(input: &mut Input) -> Result<Framed, Error> {
    let offset = input.offset();
    let head = input.peek(4)?;
    let Some(length) = i32_at(head, 0) else {
        return match head.len() {
            0 => Ok(Framed::End),
            _ => Err(input.error(offset, Cause::Truncated("it ends inside a document's length"))),
        };
    };
    if length == TERMINATOR {
        input.consume(4);
        return Ok(Framed::Terminator);
    }
    let length = match usize::try_from(length) {
        Ok(length) if (MIN_DOCUMENT..=MAX_DOCUMENT).contains(&length) => length,
        _ => {
            return Err(
                input.error(offset, Cause::Damaged(format!("{length} is no length of a document")))
            );
        }
    };
    let bytes = input.peek(length)?;
    if bytes.len() < length {
        return Err(input.error(offset, Cause::Truncated("it ends inside a document")));
    }
    if bytes.last() != Some(&0) {
        return Err(input
            .error(offset, Cause::Damaged("a document does not end with a NUL byte".to_owned())));
    }
    Ok(Framed::Document(length))
}
