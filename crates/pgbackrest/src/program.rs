//! Finds the program and its version.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::error::Error;

const NAME: &str = "pgbackrest";

/// The oldest usable version: that of Debian 12. It has bundles, annotations and `verify`.
const OLDEST: Version = Version(2, 45);
const OLDEST_TEXT: &str = "2.45";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Version {
    /// Parses the output of `pgbackrest version`, such as `pgBackRest 2.45`.
    fn parse(text: &str) -> Option<Self> {
        let (major, rest) = text.trim().strip_prefix("pgBackRest ")?.split_once('.')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        Some(Self(major.parse().ok()?, rest[..end].parse().ok()?))
    }
}

/// The path of the program in PATH. Returns [`Error::Missing`] or [`Error::TooOld`].
pub(crate) fn find() -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    // A relative entry of PATH would run a program of the current directory.
    let directories = env::split_paths(&path).filter(|directory| directory.is_absolute());
    let mut programs = directories.map(|directory| directory.join(NAME));
    let program = programs.find(|program| program.is_file()).ok_or(Error::Missing)?;
    check_version(&program)?;
    Ok(program)
}

fn check_version(program: &Path) -> Result<(), Error> {
    let mut command = Command::new(program);
    command.arg("version").env_clear().stdin(Stdio::null());
    let output = command.output().map_err(Error::io("run", program))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match Version::parse(&text) {
        Some(version) if version >= OLDEST => Ok(()),
        _ => Err(Error::TooOld { found: text.trim().to_owned(), oldest: OLDEST_TEXT }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_parsed_and_compared() {
        assert_eq!(Version::parse("pgBackRest 2.45\n"), Some(OLDEST));
        assert_eq!(Version::parse("pgBackRest 2.55.1"), Some(Version(2, 55)));
        assert_eq!(Version::parse("pgBackRest 2.57dev"), Some(Version(2, 57)));
        assert_eq!(Version::parse("sorry"), None);
        assert!(Version(2, 9) < OLDEST && Version(3, 0) > OLDEST);
    }
}
