//! The output of `pgbackrest info`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::Error;

/// The status of a repository without this stanza.
const MISSING_STANZA: i64 = 1;
/// The status of a stanza without backups.
const NO_BACKUPS: i64 = 2;

/// What a repository holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info {
    /// Whether the stanza exists.
    pub is_initialized: bool,
    /// The backups, oldest first.
    pub backups: Vec<Backup>,
    /// The first and the last archived WAL segment of the newest cluster.
    pub wal: Option<(String, String)>,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Backup {
    /// The name, such as `20261127-100205F`.
    pub label: String,
    /// What it contains.
    #[serde(rename = "type")]
    pub kind: BackupType,
    /// The times of its begin and its end.
    pub timestamp: Timestamps,
    /// The WAL that it needs.
    pub archive: Segments,
    /// Its sizes.
    #[serde(rename = "info")]
    pub sizes: Sizes,
    /// Whether a page had a wrong checksum.
    #[serde(default)]
    pub error: bool,
}

/// What a backup contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum BackupType {
    /// All files.
    #[serde(rename = "full")]
    Full,
    /// Changes since the last full backup.
    #[serde(rename = "diff")]
    Differential,
    /// Changes since the last backup.
    #[serde(rename = "incr")]
    Incremental,
}

/// The times of a backup, in seconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Timestamps {
    /// The begin.
    pub start: i64,
    /// The end. A restore can reach any later time of the archived WAL.
    pub stop: i64,
}

/// WAL segments.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Segments {
    /// The name of the first one.
    pub start: String,
}

impl Backup {
    /// The timeline on which the backup was made; `None` if the name of its WAL is not as expected.
    pub fn timeline(&self) -> Option<u32> {
        u32::from_str_radix(self.archive.start.get(..8)?, 16).ok()
    }
}

/// The sizes of a backup, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Sizes {
    /// The size of the restored files.
    pub size: u64,
    /// What the backup added to the repository and uses of it.
    pub repository: RepositorySizes,
}

/// The sizes of a backup in the repository, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct RepositorySizes {
    /// What the backup added.
    #[serde(default)]
    pub delta: u64,
    /// All that a restore reads. Some versions omit it.
    #[serde(default)]
    pub size: u64,
}

#[derive(Deserialize)]
struct Stanza {
    status: Status,
    #[serde(default)]
    backup: Vec<Backup>,
    #[serde(default)]
    archive: Vec<Archive>,
}

#[derive(Deserialize)]
struct Status {
    code: i64,
    message: String,
}

#[derive(Deserialize)]
struct Archive {
    min: Option<String>,
    max: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    status: Status,
}

#[derive(Deserialize)]
struct Repositories {
    #[serde(default)]
    repo: Vec<Repository>,
}

/// Parses the JSON of `pgbackrest info` for one stanza. Returns [`Error::Unreadable`] if the output
/// reports an error: pgBackRest succeeds nevertheless.
pub(crate) fn parse(json: &[u8]) -> Result<Info, Error> {
    let malformed = |source| Error::Output { command: "info", source };
    // A message may quote encrypted bytes, which make the output invalid.
    let json = String::from_utf8_lossy(json).replace(|c: char| c.is_ascii_control(), " ");
    let stanzas: Vec<Stanza> = serde_json::from_str(&json).map_err(malformed)?;
    let repositories: Vec<Repositories> = serde_json::from_str(&json).map_err(malformed)?;
    let Some(stanza) = stanzas.into_iter().next() else { return Ok(Info::default()) };
    match stanza.status.code {
        0 | NO_BACKUPS => {}
        MISSING_STANZA => return Ok(Info::default()),
        _ => {
            let details = repositories.into_iter().flat_map(|it| it.repo).map(|it| it.status);
            let detail = details.map(|status| status.message).next();
            let detail = detail.unwrap_or(stanza.status.message);
            let unreadable = || Error::Unreadable(printable(&detail));
            return Err(Error::of_text(&detail).unwrap_or_else(unreadable));
        }
    }
    let wal = stanza.archive.into_iter().rev().find_map(|archive| archive.min.zip(archive.max));
    Ok(Info { is_initialized: true, backups: stanza.backup, wal })
}

/// Parses the output of `pgbackrest repo-ls --output=json`: the names of the files.
pub(crate) fn files(json: &[u8]) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Entry {
        #[serde(rename = "type")]
        kind: String,
    }
    let entries: BTreeMap<String, Entry> = serde_json::from_slice(json)
        .map_err(|source| Error::Output { command: "repo-ls", source })?;
    Ok(entries.into_iter().filter(|(_, it)| it.kind != "path").map(|(name, _)| name).collect())
}

/// The first line, up to its first character that is not printable: a message may quote encrypted
/// bytes.
fn printable(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let end = line.find(|c: char| !c.is_ascii() || c.is_ascii_control()).unwrap_or(line.len());
    line[..end].trim_end().to_owned()
}

impl Info {
    /// The newest backup.
    pub fn newest(&self) -> Option<&Backup> {
        self.backups.last()
    }

    /// The newest backup that ended at this time or before, in seconds of Unix time: the one from
    /// which a restore reaches that time soonest.
    pub fn newest_until(&self, time: i64) -> Option<&Backup> {
        self.backups.iter().rev().find(|backup| backup.timestamp.stop <= time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output of version 2.45.
    const TWO_BACKUPS: &str = r#"[{"archive":[{"database":{"id":1,"repo-key":1},"id":"15-1",
        "max":"000000010000000000000004","min":"000000010000000000000001"}],"backup":[
        {"annotation":{"note":"abc"},"archive":{"start":"000000010000000000000002",
        "stop":"000000010000000000000002"},"backrest":{"format":5,"version":"2.45"},
        "database":{"id":1,"repo-key":1},"error":false,"info":{"delta":22992350,
        "repository":{"delta":2840096,"size":2840096},"size":22992350},"label":"20261127-100205F",
        "lsn":{"start":"0/2000028","stop":"0/2000100"},"prior":null,"reference":null,
        "timestamp":{"start":1795773725,"stop":1795773726},"type":"full"},
        {"archive":{"start":"000000010000000000000003","stop":"000000010000000000000004"},
        "backrest":{"format":5,"version":"2.45"},"database":{"id":1,"repo-key":1},"error":false,
        "info":{"delta":8458,"repository":{"delta":464},"size":22992350},
        "label":"20261127-100205F_20261127-100207I","prior":"20261127-100205F",
        "reference":["20261127-100205F"],"timestamp":{"start":1795773727,"stop":1795773728},
        "type":"incr"}],"cipher":"aes-256-cbc","db":[{"id":1,"repo-key":1,
        "system-id":7712789386288239672,"version":"15"}],"name":"main","repo":[{"cipher":
        "aes-256-cbc","key":1,"status":{"code":0,"message":"ok"}}],"status":{"code":0,"lock":
        {"backup":{"held":false}},"message":"ok"}}]"#;

    fn status(code: i64, message: &str) -> String {
        format!(
            r#"[{{"archive":[],"backup":[],"db":[],"name":"main","repo":[{{"key":1,"status":
            {{"code":{code},"message":{message:?}}}}}],"status":{{"code":{code},"message":"other"}}}}]"#
        )
    }

    #[test]
    fn backups_and_wal_are_parsed() {
        let info = parse(TWO_BACKUPS.as_bytes()).unwrap();
        let labels: Vec<&str> = info.backups.iter().map(|it| it.label.as_str()).collect();
        assert_eq!(labels, ["20261127-100205F", "20261127-100205F_20261127-100207I"]);
        assert_eq!(info.backups[0].kind, BackupType::Full);
        let newest = info.newest().unwrap();
        assert_eq!((newest.kind, newest.sizes.repository.delta), (BackupType::Incremental, 464));
        assert_eq!(newest.timeline(), Some(1));
        assert_eq!(info.wal.unwrap().1, "000000010000000000000004");
    }

    #[test]
    fn the_backup_for_a_time_ended_before_it() {
        let info = parse(TWO_BACKUPS.as_bytes()).unwrap();
        let label = |time| info.newest_until(time).map(|backup| backup.label.as_str());
        assert_eq!(label(1_795_773_725), None);
        assert_eq!(label(1_795_773_727), Some("20261127-100205F"));
        assert_eq!(label(1_795_773_728), Some("20261127-100205F_20261127-100207I"));
    }

    #[test]
    fn an_empty_repository_has_no_backups_and_an_unreadable_one_is_an_error() {
        assert_eq!(parse(status(1, "missing stanza path").as_bytes()).unwrap(), Info::default());
        let empty = parse(status(2, "no valid backups").as_bytes()).unwrap();
        assert!(empty.is_initialized && empty.backups.is_empty());
        for cause in [
            "CryptoError: cipher header invalid",
            "FormatError: key/value found outside of section at line 1: 5LUO!",
        ] {
            let text = status(99, &format!("[Error] unable to load info file '/x':\n{cause}"));
            assert!(matches!(parse(text.as_bytes()), Err(Error::OtherPassphrase)), "{cause}");
        }
        let garbage = "[FormatError] unable to load info file\n^+\u{fffd}x7";
        let error = parse(status(99, garbage).as_bytes()).unwrap_err().to_string();
        assert!(error.contains("[FormatError] unable to load info file; check"), "{error}");
        let raw = status(99, "GARBAGE").replace("GARBAGE", "no info\\n^+\u{1}\u{7f}x");
        let raw = [raw.as_bytes(), b" \xff"].concat();
        assert!(
            matches!(parse(&raw[..raw.len() - 2]), Err(Error::Unreadable(text)) if text == "no info")
        );
        for text in ["", "[", "{}", "[{}]"] {
            assert!(matches!(parse(text.as_bytes()), Err(Error::Output { .. })), "{text}");
        }
        assert_eq!(parse(b"[]").unwrap(), Info::default());
    }
}
