//! Avatars: SVG patterns derived only from the username.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::domain::Username;

/// Rows and columns of the pattern. The right half mirrors the left.
const CELLS: usize = 5;

/// Draws the avatar of `name` in less than 1 KB.
///
/// A name's avatar must never change, because browsers cache it for a year. The tile has one of 360
/// hues. Its lightness is between those of the light and the dark page, so it is visible on both.
pub(super) fn avatar_svg(name: &Username) -> String {
    let hash = Sha256::digest(name.as_str());
    let hue = u16::from_be_bytes([hash[0], hash[1]]) % 360;
    let pattern = u16::from_be_bytes([hash[2], hash[3]]);
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path fill="oklch(0.55 0.1 {hue})" d="M0 0h8v8H0z"/><path fill="oklch(0.96 0.03 {hue})" d="{}"/></svg>"#,
        outline(pattern)
    )
}

/// The filled cells as path data, inside a margin of one and a half cells.
///
/// Uses 15 bits of `pattern`: three columns of five cells.
fn outline(pattern: u16) -> String {
    let is_filled = |row: usize, column: usize| {
        let mirrored = column.min(CELLS - 1 - column);
        pattern >> (row * CELLS.div_ceil(2) + mirrored) & 1 == 1
    };
    let mut path = String::new();
    for row in 0..CELLS {
        for column in (0..CELLS).filter(|&column| is_filled(row, column)) {
            // Writing to a `String` cannot fail.
            let _ = write!(path, "M{}.5 {}.5h1v1h-1z", column + 1, row + 1);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn avatar_of(name: &str) -> String {
        avatar_svg(&Username::from_stored(name.to_owned()))
    }

    #[test]
    fn an_avatar_never_changes() {
        // Of SHA-256("bob") = 81b637d8…: hue 0x81b6 mod 360, pattern 0x37d8.
        let row = |y: usize, columns: &[usize]| -> String {
            columns.iter().map(|x| format!("M{x}.5 {y}.5h1v1h-1z")).collect()
        };
        let pattern = row(2, &[1, 2, 4, 5])
            + &row(3, &[1, 2, 3, 4, 5])
            + &row(4, &[1, 2, 4, 5])
            + &row(5, &[1, 2, 4, 5]);
        assert_eq!(
            avatar_of("bob"),
            format!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path fill="oklch(0.55 0.1 86)" d="M0 0h8v8H0z"/><path fill="oklch(0.96 0.03 86)" d="{pattern}"/></svg>"#
            )
        );
    }

    #[test]
    fn different_names_have_different_avatars() {
        let avatars: HashSet<String> = (0..200).map(|n| avatar_of(&format!("user{n}"))).collect();
        assert_eq!(avatars.len(), 200);
    }

    #[test]
    fn the_right_half_mirrors_the_left() {
        assert_eq!(outline(0b001), "M1.5 1.5h1v1h-1zM5.5 1.5h1v1h-1z");
        assert_eq!(outline(0b100), "M3.5 1.5h1v1h-1z");
        assert_eq!(outline(0b100 << 12), "M3.5 5.5h1v1h-1z");
        assert_eq!(outline(u16::MAX).matches('M').count(), 25);
    }

    proptest! {
        #[test]
        fn every_avatar_is_one_small_well_formed_element(name in "\\PC{1,64}") {
            let svg = avatar_of(&name);
            prop_assert!(svg.len() < 1024);
            prop_assert!(svg.is_ascii() && !svg.contains('&'), "no part of the name is in the SVG");
            let children = svg
                .strip_prefix("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 8 8\">")
                .and_then(|rest| rest.strip_suffix("</svg>"))
                .expect("one element");
            for child in children.split_inclusive("/>") {
                prop_assert!(child.starts_with("<path ") && child.ends_with("\"/>"), "{}", child);
                prop_assert_eq!(child.matches(['<', '>']).count(), 2);
                prop_assert_eq!(child.matches('"').count(), 4);
            }
        }
    }
}
