//! Texts of one line that people choose: 1 to 64 characters, neither begun nor ended by white space.

/// Declares such a text as a type. The second argument is what its refusals call it.
macro_rules! one_line_text {
    ($(#[$meta:meta])* $name:ident, $called:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// How many characters (Unicode code points) it may have.
            pub const MAX_CHARS: usize = 64;

            /// Checks `raw`, which is kept as it is.
            ///
            /// # Errors
            /// The rule that `raw` breaks.
            pub fn parse(raw: &str) -> Result<Self, $crate::domain::Invalid> {
                let rule = if raw.is_empty() {
                    concat!("The ", $called, " must not be empty")
                } else if raw.chars().count() > Self::MAX_CHARS {
                    concat!("The ", $called, " must be at most 64 characters long")
                } else if raw.chars().any(char::is_control) {
                    concat!("The ", $called, " must not contain control characters")
                } else if raw.trim() != raw {
                    concat!("The ", $called, " must not begin or end with white space")
                } else {
                    return Ok(Self(raw.to_owned()));
                };
                Err($crate::domain::Invalid::new(rule))
            }

            /// A text as the database holds it, where constraints and this type's parser put it.
            #[must_use]
            pub fn from_stored(text: String) -> Self {
                Self(text)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

pub(super) use one_line_text;
