//! Reads BSON without trusting it.
//!
//! The crate `bson` rejects a document as a whole if one string is not UTF-8 or one type is unknown. Here, every
//! well-framed value has a representation, and damaged framing gives an offset. Nothing is allocated for a length
//! that the bytes do not confirm, and nesting costs neither stack nor memory: lengths skip nested documents.

mod element;
mod stream;

pub(crate) use self::{
    element::{Damage, elements},
    stream::{Framed, next_document},
};
