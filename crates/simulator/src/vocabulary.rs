//! Names, texts and passwords of a generated scenario. They cover many scripts, emoji, quotes, spaces,
//! and characters that are special in URLs and HTML. All are in Unicode's NFC, free of tabs, line ends
//! and slashes, and within the contract's limits.

use rand::{Rng, RngExt, seq::IndexedRandom};

const GIVEN: &[&str] = &[
    "Roger",
    "Wendell",
    "Ångström",
    "žluťoučký",
    "Ελένη",
    "Борис",
    "李",
    "ひかり",
    "지우",
    "عمر",
    "नेहा",
    "Ngọc",
    "O'",
    "\"Bob\"",
    "Mary Ann",
    "🦀",
    "👩‍🚀",
    "100%",
    "a+b",
    "<b>",
    "?x=1&y",
    "#1;",
    "back\\slash",
];
const FAMILY: &[&str] = &[
    "Histand",
    "Stieff",
    "Ballan",
    "O'Brien",
    "kůň",
    "Παπαδοπούλου",
    "Иванова",
    "小龍",
    "さくら",
    "김",
    "الفاروق",
    "शर्मा",
    "Nguyễn",
    "de la Cruz",
    "Smith-Jones",
    "“Q”",
    "🐉",
    "%2F",
    "& co.",
    "~tilde",
];
const WORDS: &[&str] = &[
    "from",
    "hour",
    "to",
    "yesterday",
    "I",
    "saw",
    "my",
    "white",
    "face",
    "of",
    "it",
    "bringing",
    "me",
    "safely",
    "the",
    "King",
    "father’s",
    "influence",
    "could",
    "prevail",
    "his",
    "name",
    "grüß",
    "Gott",
    "naïve",
    "быстро",
    "世界",
    "こんにちは",
    "سلام",
    "नमस्ते",
    "🐦",
    "🎉",
    "&",
    "<script>",
    "\"so\"",
    "it's",
    "100%",
    "@somebody",
    "#tag",
    "https://example.org/?q=1",
    "never",
    "again",
    "ship",
    "whale",
    "sea",
    "captain",
    "night",
    "watch",
    "deck",
    "storm",
    "harbour",
    "lantern",
    "a",
    "and",
    "but",
];
const PASSWORD_CHARACTERS: &[char] = &[
    'a', 'b', 'k', 'X', 'Z', '0', '7', ']', '=', ')', '[', '{', '"', '\'', '\\', '%', 'é', 'ß', '!',
];

/// A name, not necessarily unique.
pub(crate) fn name(rng: &mut impl Rng) -> String {
    format!("{} {}", one_of(rng, GIVEN), one_of(rng, FAMILY))
}

/// A text of 4 to 16 words, at most 280 characters.
pub(crate) fn text(rng: &mut impl Rng) -> String {
    let count = rng.random_range(4..=16_u32);
    let words: Vec<&str> = (0..count).map(|_| one_of(rng, WORDS)).collect();
    words.join(" ") + one_of(rng, &[".", "?", "!", " …"])
}

/// A password of 1 to 12 characters.
pub(crate) fn password(rng: &mut impl Rng) -> String {
    let length = rng.random_range(1..=12_u32);
    (0..length).map(|_| *PASSWORD_CHARACTERS.choose(rng).unwrap_or(&'x')).collect()
}

fn one_of<'a>(rng: &mut impl Rng, all: &[&'a str]) -> &'a str {
    all.choose(rng).copied().unwrap_or_default()
}
