//! Passwords.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::invalid::Invalid;

/// bcrypt ignores further bytes, so that it would silently truncate a longer password.
const PASSWORD_MAX_BYTES: usize = 72;

/// A password: at most 72 bytes in Unicode NFC, not all white space, without U+0000. `Debug` hides it.
///
/// Keyboards enter the same letter in different forms, so passwords are compared in NFC. Nothing else
/// is changed.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Normalizes a password to NFC and checks it.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.trim().is_empty() {
            return Err(Invalid::new("You have to enter a password"));
        }
        let mut password: String = raw.nfc().collect();
        if password.len() > PASSWORD_MAX_BYTES {
            // NFC has a longer form of a few characters. A password that only NFC makes too long
            // stays as it is.
            raw.clone_into(&mut password);
        }
        if password.len() > PASSWORD_MAX_BYTES {
            return Err(Invalid::new("The password must be at most 72 bytes long"));
        }
        if password.contains('\0') {
            return Err(Invalid::new("The password must not contain a NUL character"));
        }
        Ok(Self(password))
    }

    /// The forms of an entered password whose hash may be stored: the one in NFC, and, if that is
    /// another one, the password as it was entered, which earlier programs hashed. Empty if the
    /// password is invalid.
    pub fn forms(raw: &str) -> Vec<Self> {
        let Ok(normal) = Self::parse(raw) else { return Vec::new() };
        let entered = (normal.0 != raw && raw.len() <= PASSWORD_MAX_BYTES).then_some(raw);
        let entered = entered.map(|raw| Self(raw.to_owned()));
        [normal].into_iter().chain(entered).collect()
    }

    /// The password, for the hash function only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn broken_rule<T: fmt::Debug>(parsed: Result<T, Invalid>) -> &'static str {
        parsed.expect_err("invalid").rule()
    }

    #[test]
    fn a_password_that_bcrypt_would_truncate_is_rejected() {
        assert!(Password::parse("x").is_ok());
        assert!(Password::parse(&"é".repeat(36)).is_ok());
        assert!(broken_rule(Password::parse(&"é".repeat(37))).contains("72 bytes"));
        assert!(broken_rule(Password::parse("a\0b")).contains("NUL"));
        assert_eq!(broken_rule(Password::parse("")), "You have to enter a password");
        assert_eq!(broken_rule(Password::parse(" \n")), "You have to enter a password");
    }

    #[test]
    fn a_password_is_normalized_and_then_counted_in_bytes() {
        let password = |raw: &str| Password::parse(raw).expect(raw).0;
        assert_eq!(password("e\u{301}"), "é");
        assert_eq!(password(&"e\u{301}".repeat(36)), "é".repeat(36));
        assert!(broken_rule(Password::parse(&"e\u{301}".repeat(37))).contains("72 bytes"));
        // NFC writes this letter with twice as many bytes.
        let longest = "\u{958}".repeat(24);
        assert_eq!(password(&longest), longest);
        assert_eq!(password("\u{958}"), "\u{915}\u{93c}");
        assert_eq!(password(" ﬁ Ａ\u{200b} "), " ﬁ Ａ\u{200b} ", "nothing else is changed");
    }

    #[test]
    fn only_a_password_that_nfc_changes_has_another_entered_form() {
        let forms = |raw: &str| -> Vec<String> {
            Password::forms(raw).into_iter().map(|password| password.0).collect()
        };
        assert_eq!(forms("e\u{301}"), ["é", "e\u{301}"]);
        for same in ["secret", "é", &"\u{958}".repeat(24)] {
            assert_eq!(forms(same), [same], "{same:?}");
        }
        for invalid in ["", " ", "\0"] {
            assert_eq!(forms(invalid), [""; 0], "{invalid:?}");
        }
        assert_eq!(forms(&"e\u{301}".repeat(36)).len(), 1, "earlier programs rejected it");
    }

    #[test]
    fn debug_output_hides_secrets() {
        let password = Password::parse("hunter2").expect("valid");
        assert!(!format!("{password:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn equivalent_passwords_are_equal(raw in "[a-z\u{e0}-\u{f6}\u{ac00}-\u{ac20}]{1,12}") {
            let decomposed: String = raw.nfd().collect();
            let password = |raw: &str| Password::parse(raw).map(|password| password.0);
            prop_assert_eq!(password(&decomposed), password(&raw));
        }

        /// No password that earlier programs accepted is rejected.
        #[test]
        fn every_password_of_72_bytes_is_valid(raw in any::<String>()) {
            let was_valid = !raw.trim().is_empty() && raw.len() <= 72 && !raw.contains('\0');
            prop_assert!(!was_valid || Password::parse(&raw).is_ok());
        }
    }
}
