//! Names on one line: 1 to 64 visible characters and spaces, without white space at either end.

/// Declares a type for such a name, which error texts call `$called`.
macro_rules! one_line_text {
    ($(#[$meta:meta])* $name:ident, $called:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The maximum length, in characters (Unicode code points).
            pub const MAX_CHARS: usize = 64;

            /// Checks a text without changing it.
            pub fn parse(raw: &str) -> Result<Self, $crate::domain::invalid::Invalid> {
                let rule = if raw.is_empty() {
                    concat!("The ", $called, " must not be empty")
                } else if raw.chars().count() > Self::MAX_CHARS {
                    concat!("The ", $called, " must be at most 64 characters long")
                } else if raw.chars().any(char::is_control) {
                    concat!("The ", $called, " must not contain control characters")
                } else if raw.trim() != raw {
                    concat!("The ", $called, " must not begin or end with white space")
                } else if $crate::domain::characters::is_blank(raw) {
                    concat!("The ", $called, " must not be empty")
                } else if !$crate::domain::name_characters::may_form_name(raw) {
                    concat!("The ", $called, " must not contain invisible or unassigned characters")
                } else {
                    return Ok(Self(raw.to_owned()));
                };
                Err($crate::domain::invalid::Invalid::new(rule))
            }

            /// Wraps a text from the database without checking it.
            pub fn from_stored(text: String) -> Self {
                Self(text)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

pub(super) use one_line_text;
