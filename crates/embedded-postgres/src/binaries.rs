//! Finds PostgreSQL's programs, which distributions keep outside PATH.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::error::{Error, Remedy};

/// The oldest supported major version. The newest feature that the migrations use is
/// `CREATE FUNCTION … RETURN`.
const OLDEST_MAJOR: u32 = 14;

/// Where packages install PostgreSQL, as (directory, prefix of its entries): Debian, the PostgreSQL
/// project for Red Hat's family, and Homebrew on ARM and on Intel.
const PACKAGES: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql"),
    ("/usr/local/opt", "postgresql"),
];

/// Where PostgreSQL's `make install` installs.
const SOURCE_INSTALL: &str = "/usr/local/pgsql/bin";

/// A server's version. A pre-release counts as minor version 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    /// Parses the output of `postgres --version`, such as `postgres (PostgreSQL) 15.13 (Debian …)`.
    fn parse(text: &str) -> Option<Self> {
        let number = text.split_once("(PostgreSQL) ")?.1;
        let end_of_major = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let (major, rest) = number.split_at(end_of_major);
        let minor = rest.strip_prefix('.').unwrap_or_default();
        let minor = minor.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        Some(Self { major: major.parse().ok()?, minor: minor.parse().unwrap_or(0) })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A directory with `postgres` and `initdb` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    dir: PathBuf,
    version: Version,
}

impl Binaries {
    /// Finds the newest programs, or those of the existing cluster's major version. Searches only
    /// the `explicit` directory if there is one.
    pub(crate) fn find(
        explicit: Option<&Path>,
        pgdata: &Path,
        cluster_major: Option<u32>,
    ) -> Result<Self, Error> {
        let found = match explicit {
            Some(dir) => vec![Self::explicit(dir)?],
            None => Self::installed(),
        };
        choose(found, pgdata, cluster_major).map_err(|error| match error {
            // The setting excludes a version that is installed.
            Error::WrongMajor { pgdata, wanted, found, remedy: Remedy::InstallOld }
                if explicit.is_some()
                    && Self::installed().iter().any(|binaries| binaries.major() == wanted) =>
            {
                Error::WrongMajor { pgdata, wanted, found, remedy: Remedy::Upgrade }
            }
            error => error,
        })
    }

    /// The version that is installed in the same directory now. Returns an error unless it can use
    /// the data of this version.
    pub(crate) fn installed_now(&self) -> Result<Self, String> {
        let now = Self::probe(&self.dir)?;
        if now.version.major == self.version.major {
            return Ok(now);
        }
        Err(format!("it is {} now, but the data was made by {}", now.version, self.version.major))
    }

    /// The programs in the usual places.
    fn installed() -> Vec<Self> {
        candidates().iter().filter_map(|dir| Self::probe(dir).ok()).collect()
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.dir
    }

    pub(crate) const fn major(&self) -> u32 {
        self.version.major
    }

    /// The version as text, such as `15.13`.
    pub(crate) fn version(&self) -> String {
        self.version.to_string()
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn initdb(&self) -> PathBuf {
        self.dir.join("initdb")
    }

    fn explicit(dir: &Path) -> Result<Self, Error> {
        let invalid = |reason| Error::InvalidBinDirectory { dir: dir.to_owned(), reason };
        // The working directory of the server differs from that of this process.
        let absolute = std::path::absolute(dir).map_err(|error| invalid(error.to_string()))?;
        let binaries = Self::probe(&absolute).map_err(invalid)?;
        if binaries.version.major < OLDEST_MAJOR {
            return Err(invalid(format!(
                "its PostgreSQL is {}; MiniTwit needs {OLDEST_MAJOR} or newer",
                binaries.version
            )));
        }
        Ok(binaries)
    }

    /// Runs `postgres --version` in `dir`. The error says what is wrong with the directory.
    fn probe(dir: &Path) -> Result<Self, String> {
        let binaries = Self { dir: dir.to_owned(), version: Version { major: 0, minor: 0 } };
        if !binaries.initdb().is_file() {
            return Err("it has no program initdb".to_owned());
        }
        let output = Command::new(binaries.postgres())
            .arg("--version")
            .output()
            .map_err(|error| format!("its program postgres does not run: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = Version::parse(&text)
            .ok_or_else(|| format!("its program postgres prints no version: {}", text.trim()))?;
        Ok(Self { version, ..binaries })
    }
}

/// Chooses the first of equal versions, in the order of [`candidates`].
fn choose(
    mut found: Vec<Binaries>,
    pgdata: &Path,
    cluster_major: Option<u32>,
) -> Result<Binaries, Error> {
    found.retain(|binaries| binaries.version.major >= OLDEST_MAJOR);
    found.sort_by_key(|binaries| std::cmp::Reverse(binaries.version));
    if found.is_empty() {
        return Err(Error::NoBinaries { oldest: OLDEST_MAJOR });
    }
    let Some(wanted) = cluster_major else { return Ok(found.swap_remove(0)) };
    match found.iter().position(|binaries| binaries.version.major == wanted) {
        Some(index) => Ok(found.swap_remove(index)),
        None => {
            let newer = found.iter().any(|binaries| binaries.version.major > wanted);
            let remedy = if newer { Remedy::InstallOld } else { Remedy::InstallNew };
            let mut found: Vec<String> = found.iter().map(|b| b.version.to_string()).collect();
            found.dedup();
            let found = found.join(", ");
            Err(Error::WrongMajor { pgdata: pgdata.to_owned(), wanted, found, remedy })
        }
    }
}

/// All directories to search; most do not exist.
fn candidates() -> Vec<PathBuf> {
    let mut dirs = Vec::from_iter(pg_config_bindir());
    for (parent, prefix) in PACKAGES {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let packages = entries
            .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()));
        dirs.extend(packages.map(|entry| entry.path().join("bin")));
    }
    dirs.push(SOURCE_INSTALL.into());
    dirs.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    // A relative entry of PATH would run programs of the current directory.
    dirs.retain(|dir| dir.is_absolute());
    dirs
}

fn pg_config_bindir() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let dir = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(dir.trim())).filter(|dir| dir.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binaries(dir: &str, major: u32, minor: u32) -> Binaries {
        Binaries { dir: dir.into(), version: Version { major, minor } }
    }

    #[test]
    fn the_version_output_of_every_packager_is_parsed() {
        let version = |major, minor| Some(Version { major, minor });
        for (text, expected) in [
            ("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n", version(15, 13)),
            ("postgres (PostgreSQL) 17.5 (Homebrew)\n", version(17, 5)),
            ("postgres (PostgreSQL) 18beta1\n", version(18, 0)),
            ("postgres (PostgreSQL) 9.6.24\n", version(9, 6)),
            ("postgres (PostgreSQL) 16", version(16, 0)),
            ("postgres (PostgreSQL) devel\n", None),
            ("sorry\n", None),
        ] {
            assert_eq!(Version::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn the_newest_version_is_chosen_unless_a_cluster_needs_another() {
        let found = || {
            vec![
                binaries("/a", 15, 13),
                binaries("/b", 16, 10),
                binaries("/c", 16, 9),
                binaries("/d", 16, 10),
                binaries("/e", 9, 6),
            ]
        };
        let chosen = |major| choose(found(), Path::new("/x"), major).map(|b| b.dir);
        assert_eq!(chosen(None).unwrap(), Path::new("/b"));
        assert_eq!(chosen(Some(15)).unwrap(), Path::new("/a"));
        let error = chosen(Some(14)).unwrap_err().to_string();
        for text in [
            "the data in /x is of PostgreSQL 14, but only 16.10, 16.9, 15.13 is installed",
            "apt-get install postgresql-14",
            "then type: minitwit upgrade --data-dir /",
        ] {
            assert!(error.contains(text), "{error}");
        }
        let error = chosen(Some(17)).unwrap_err().to_string();
        assert!(error.contains("no older version can read it"), "{error}");
        assert!(error.contains("apt-get install postgresql-17"), "{error}");
        assert!(!error.contains("upgrade"), "{error}");
    }

    #[test]
    fn without_usable_programs_the_error_says_what_to_install() {
        let error = choose(vec![binaries("/e", 9, 6)], Path::new("/x"), None).unwrap_err();
        for text in [
            "apt-get install postgresql",
            "dnf install postgresql-server",
            "brew install postgresql",
            "--postgres-bin (MINITWIT_POSTGRES_BIN)",
        ] {
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
