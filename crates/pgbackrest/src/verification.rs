//! The output of `pgbackrest verify`.

use crate::error::Error;

/// Returns [`Error::Damaged`] with the output unless it reports that all is well: version 2.45
/// succeeds even if it finds damage.
pub(crate) fn check(output: &str) -> Result<String, Error> {
    let text = output.trim().to_owned();
    let statuses = text.lines().filter_map(|line| line.trim().strip_prefix("status: "));
    let (mut found, mut damaged) = (false, false);
    for status in statuses {
        found = true;
        damaged |= status != "ok";
    }
    let damaged_file = text.lines().any(has_damage);
    if !found || damaged || damaged_file { Err(Error::Damaged(text)) } else { Ok(text) }
}

/// Whether a line counts missing or wrong files, such as `missing: 1, checksum invalid: 0`.
fn has_damage(line: &str) -> bool {
    let counts = line.split(',').filter_map(|part| part.trim().rsplit_once(": "));
    let bad = ["missing", "checksum invalid", "size invalid", "other"];
    counts.into_iter().any(|(name, count)| bad.contains(&name) && count.parse() != Ok(0_u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: &str = "stanza: main\nstatus: ok\n  archiveId: 15-1, total WAL checked: 4, total \
        valid WAL: 4\n    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n  backup: \
        20261127-100205F, status: valid, total files checked: 964, total valid files: 964\n    \
        missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n";

    #[test]
    fn damage_is_an_error_although_the_program_succeeds() {
        assert!(check(WELL).is_ok());
        for (from, to) in [
            ("status: ok", "status: error"),
            ("missing: 0", "missing: 1"),
            ("other: 0\n  backup", "other: 0, checksum invalid: 3\n  backup"),
            ("other: 0\n", "other: 2\n"),
            (WELL, ""),
        ] {
            let damaged = check(&WELL.replacen(from, to, 1));
            assert!(matches!(damaged, Err(Error::Damaged(_))), "{to}");
        }
    }
}
