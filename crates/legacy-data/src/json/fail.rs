//! Why a document is not parsed.

/// Why a document is not parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fail {
    /// It does not end in the given bytes.
    Incomplete,
    /// It is no JSON at an offset.
    Damaged { offset: usize, what: &'static str },
}
