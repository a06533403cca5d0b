//! The manifest of an export: which files belong to it, and what they contain.

use serde::{Deserialize, Serialize};

/// The name of the manifest's file.
pub const MANIFEST: &str = "manifest.json";

/// The format of the files. It is increased with each change that an earlier program cannot read.
pub(super) const FORMAT: u32 = 1;

/// An exported table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Users.
    Users,
    /// Messages, flagged ones too.
    Messages,
    /// Follows.
    Follows,
}

impl Table {
    /// All tables, in the order in which rows refer to rows before them.
    pub const ALL: [Self; 3] = [Self::Users, Self::Messages, Self::Follows];

    /// The name of the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Messages => "messages",
            Self::Follows => "follows",
        }
    }

    /// The name of its file in an export.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Users => "users.jsonl",
            Self::Messages => "messages.jsonl",
            Self::Follows => "follows.jsonl",
        }
    }
}

/// The content of an export. It contains no time, so that two exports of the same data are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format of the files.
    pub format: u32,
    /// Whether users have their password hashes.
    pub password_hashes: bool,
    /// The files, in the order of [`Table::ALL`].
    pub files: Vec<TableFile>,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableFile {
    /// The table.
    pub table: Table,
    /// Rows, one a line.
    pub rows: u64,
    /// The file's size.
    pub bytes: u64,
    /// The SHA-256 of the file, as hexadecimal digits.
    pub sha256: String,
}
