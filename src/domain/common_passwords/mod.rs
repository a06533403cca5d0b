//! The 10,000 most common passwords of published leaks.
//!
//! `list.txt` has the first 10,000 passwords of the list in Django 5.2 (`django/contrib/auth`), which
//! Royce Williams made. They are in lower case and sorted by bytes, one per line. `LICENSE` is that of
//! Django.

const LIST: &[u8] = include_bytes!("list.txt");

/// Whether the password is in the list, in any case of letters.
pub(super) fn contains(password: &str) -> bool {
    let wanted = password.to_lowercase();
    let (mut from, mut to) = (0, LIST.len());
    // `from` and `to` are always beginnings of lines, or the end.
    while from < to {
        let middle = from + (to - from) / 2;
        let begin = LIST[from..middle].iter().rposition(|byte| *byte == b'\n');
        let begin = begin.map_or(from, |position| from + position + 1);
        let length = LIST[begin..to].iter().position(|byte| *byte == b'\n');
        let end = length.map_or(to, |length| begin + length);
        match LIST[begin..end].cmp(wanted.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => from = (end + 1).min(to),
            std::cmp::Ordering::Greater => to = begin,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_passwords_is_found_and_no_other() {
        let lines: Vec<&str> = str::from_utf8(LIST).expect("text").lines().collect();
        assert_eq!(lines.len(), 10_000);
        assert!(
            lines.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()),
            "sorted, without repetition"
        );
        for line in lines {
            assert!(contains(line), "{line}");
            assert!(!contains(&format!("{line}\u{1}")), "{line}");
        }
        assert!(contains("PassWord1"));
        for other in ["", "\n", "correct horse battery staple", "\u{10ffff}", " "] {
            assert!(!contains(other), "{other:?}");
        }
    }
}
