//! Names and addresses of seeded users: a first name in one of several scripts, and a number.

use crate::domain::{Email, Invalid, Username};

/// The first names, selected by the last digit of the user's number.
pub const FIRST_NAMES: [&str; 10] =
    ["user", "Roger", "O'Brien", "Zoë", "李小龍", "Мария", "सीता", "\"Bob\"", "🦀", "John Paul"];

/// The name of the user with this number, such as `user 000500`, `Roger 000501` or `🦀 000508`.
///
/// The tests prove that every name is valid, so the error never occurs.
pub fn username(number: u32) -> Result<Username, Invalid> {
    let first_name = FIRST_NAMES[number as usize % FIRST_NAMES.len()];
    Username::parse_new(&format!("{first_name} {number:06}"))
}

/// The address of the user with this number, in a reserved domain (RFC 2606).
pub(super) fn email(number: u32) -> Result<Email, Invalid> {
    Email::parse(&format!("{number:06}@example.org"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_valid_and_unique() {
        let numbers = (1..=2_000).chain([99_999, 100_000, 1_234_567, u32::MAX]);
        let names: HashSet<Username> =
            numbers.map(|number| username(number).expect("valid")).collect();
        assert_eq!(names.len(), 2_004);
        assert!(names.contains(&Username::parse("user 000500").expect("valid")));
    }
}
