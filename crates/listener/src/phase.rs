//! How much of a request has arrived, derived from its bytes alone.
//! `timed_stream` sets the deadlines.

/// What the server expects from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A request: nothing but line breaks, which hyper skips, has arrived.
    Waiting,
    /// The blank line that ends the request's head.
    Head {
        /// Whether the current line is empty so far.
        line_empty: bool,
    },
    /// Nothing: the head is complete.
    Serving,
}

impl Phase {
    /// The phase after the client has sent `bytes`.
    pub(crate) fn after(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self = match (self, byte) {
                (Self::Serving, _) | (Self::Head { line_empty: true }, b'\n') => {
                    return Self::Serving;
                }
                (Self::Head { .. }, b'\n') => Self::Head { line_empty: true },
                (_, b'\r') | (Self::Waiting, b'\n') => self,
                _ => Self::Head { line_empty: false },
            };
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_head_ends_with_its_blank_line() {
        let in_line = Phase::Head { line_empty: false };
        let at_line = Phase::Head { line_empty: true };
        for (bytes, phase) in [
            ("", Phase::Waiting),
            ("\r\n\n\r\n\r\n", Phase::Waiting),
            ("G", in_line),
            ("\r\n\r\nGET / HTTP/1.1\r", in_line),
            ("GET / HTTP/1.1\r\n", at_line),
            ("GET / HTTP/1.1\r\n\r", at_line),
            ("GET / HTTP/1.1\r\nA: b", in_line),
            ("GET / HTTP/1.1\r\nA: b\r\n\r\n", Phase::Serving),
            ("GET / HTTP/1.1\n\n", Phase::Serving),
            ("GET / HTTP/1.1\r\n\r\nGET", Phase::Serving),
        ] {
            assert_eq!(Phase::Waiting.after(bytes.as_bytes()), phase, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn the_phase_does_not_depend_on_how_the_bytes_are_split(text in "[\r\na]{0,12}", at in 0..13_usize) {
            let (first, second) = text.as_bytes().split_at(at.min(text.len()));
            let whole = Phase::Waiting.after(text.as_bytes());
            prop_assert_eq!(Phase::Waiting.after(first).after(second), whole);
        }
    }
}
