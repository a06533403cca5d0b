//! The SQLite file of an old system, and the same messages as rows for psql.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::PathBuf,
};

use rusqlite::{Connection, params};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{Failure, options};

/// Users of the old system.
pub const USERS: u32 = 10_000;
const SCHEMA: &str = "
    PRAGMA journal_mode = off; PRAGMA synchronous = off;
    CREATE TABLE user (user_id integer primary key autoincrement, username string not null,
                       email string not null, pw_hash string not null);
    CREATE TABLE message (message_id integer primary key autoincrement, author_id integer not null,
                          text string not null, pub_date integer, flagged integer);
    BEGIN;";
const HASH: &str =
    "pbkdf2:sha256:50000$saltsalt$0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";
/// 2020-09-13, in seconds since 1970.
const BEGIN: i64 = 1_600_000_000;
/// Distance between the authors of consecutive messages: prime, so every user gets a turn.
const STEP: u32 = 7_919;
const WORDS: [&str; 12] =
    ["the", "man", "put", "money", "in", "his", "pocket", "and", "went", "home", "by", "train"];

/// Files of an old system.
pub struct OldSystem {
    /// The database.
    pub sqlite: PathBuf,
    /// `author_id`, `text`, `published_at`, `flagged` and `imported` of each message, in COPY's text format. The
    /// author ids are those of the first users of a database.
    pub rows: PathBuf,
    pub messages: u32,
}

impl OldSystem {
    /// Writes an old system with so many messages.
    pub fn write(name: &str, messages: u32) -> Result<Self, Failure> {
        let file = |ending| options::directory().join(format!("{name}.{ending}"));
        let (sqlite, rows) = (file("db"), file("rows"));
        if sqlite.exists() {
            fs::remove_file(&sqlite)?;
        }
        let connection = Connection::open(&sqlite)?;
        connection.execute_batch(SCHEMA)?;
        let mut user = connection.prepare("INSERT INTO user VALUES (?1, ?2, 'a@b', ?3)")?;
        for id in 1..=USERS {
            user.execute(params![id, format!("old user {id}"), HASH])?;
        }
        let mut message = connection.prepare("INSERT INTO message VALUES (?1, ?2, ?3, ?4, 0)")?;
        let mut copy = BufWriter::new(File::create(&rows)?);
        let mut author = 0;
        for id in 1..=messages {
            author = (author + STEP) % USERS;
            let (text, at) = (text(id)?, BEGIN + i64::from(id / 3));
            message.execute(params![id, author + 1, text, at])?;
            let at = OffsetDateTime::from_unix_timestamp(at)?.format(&Rfc3339)?;
            writeln!(copy, "{}\t{text}\t{at}\tf\tt", author + 1)?;
        }
        connection.execute_batch("COMMIT")?;
        copy.flush()?;
        Ok(Self { sqlite, rows, messages })
    }
}

/// A text of 6 to 22 words.
fn text(id: u32) -> Result<String, Failure> {
    let mut text = format!("message {id}");
    for place in 0..4 + id % 17 {
        let word = (id / 7 + place * (1 + id % 5)) as usize % WORDS.len();
        write!(text, " {}", WORDS[word])?;
    }
    Ok(text)
}
