//! An SQLite file as a whole: how to open it without a trace, and whether it is complete.

use std::{fmt::Write, fs::File, io::Read, os::unix::ffi::OsStrExt, path::Path};

use rusqlite::{Connection, ErrorCode};

use crate::error::{Cause, Error, Place};

/// The bytes of the header that are used here.
const HEADER: u64 = 20;

/// The URI that opens a file without writing beside it.
///
/// A database in WAL mode needs a shared-memory file even for reading, which SQLite creates beside the database.
/// If there is no log, the file is complete and no program has it open, so `immutable` avoids that.
pub(super) fn uri(path: &Path) -> Result<String, Error> {
    let fail = |error: std::io::Error| Error::file(path, error.into());
    let absolute = path.canonicalize().map_err(fail)?;
    let mut file = File::open(&absolute).map_err(fail)?;
    let length = file.metadata().map_err(fail)?.len();
    let mut header = Vec::new();
    file.by_ref().take(HEADER).read_to_end(&mut header).map_err(fail)?;
    truncated(path, &header, length)?;
    let logged = beside(&absolute, "-wal");
    let mut uri = String::from("file:");
    for byte in absolute.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*byte))
            }
            // Writing to a string cannot fail.
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri.push_str("?mode=ro");
    if header.get(18..20) == Some(&[2, 2]) && !logged {
        uri.push_str("&immutable=1");
    }
    Ok(uri)
}

/// True if a file with this suffix lies beside the database and is not empty.
fn beside(path: &Path, suffix: &str) -> bool {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    std::fs::metadata(name).is_ok_and(|metadata| metadata.len() > 0)
}

/// Explains why a database cannot be opened. After a crash, its journal must be rolled back, which is a write.
pub(super) fn open_error(path: &Path, error: rusqlite::Error) -> Error {
    if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) && beside(path, "-journal") {
        let shown = path.display();
        let remedy = format!(
            "a transaction was interrupted; roll it back with: sqlite3 '{shown}' 'SELECT count(*) FROM sqlite_schema'"
        );
        return Error::file(path, Cause::Unknown(remedy));
    }
    Error::database(path, Place::File, error)
}

/// Finds a file that ends inside a page. SQLite would read zeros in place of the rest.
fn truncated(path: &Path, header: &[u8], length: u64) -> Result<(), Error> {
    let Some([high, low]) = header.get(16..18) else { return Ok(()) };
    // The value 1 stands for 65,536, which has no place in two bytes.
    let page_size = match u64::from(*high) << 8 | u64::from(*low) {
        1 => 65_536,
        size => size,
    };
    if header.starts_with(b"SQLite format 3\0")
        && page_size >= 512
        && !length.is_multiple_of(page_size)
    {
        let cause = Cause::Truncated("it ends inside a page");
        return Err(Error { file: path.to_owned(), place: Place::Byte(length), cause });
    }
    Ok(())
}

/// Finds damaged pages. Without this check, a damaged page can hide rows and reading would succeed.
/// It reads the file once, in constant memory.
pub(super) fn check(path: &Path, connection: &Connection) -> Result<(), Error> {
    let fail = |error| Error::database(path, Place::File, error);
    let result: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fail)?;
    // Other results are about values, such as null in a column that allows none: those are the caller's.
    let Some(damage) = result.strip_prefix("*** in database main ***\n") else { return Ok(()) };
    let page_size: u32 =
        connection.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(fail)?;
    let page = damage
        .split("age ")
        .nth(1)
        .and_then(|rest| rest.split(|digit: char| !digit.is_ascii_digit()).next());
    let page = page.and_then(|page| page.parse::<u32>().ok());
    let offset = page.map(|page| u64::from(page.saturating_sub(1)) * u64::from(page_size));
    let place = offset.map_or(Place::File, Place::Byte);
    Err(Error { file: path.to_owned(), place, cause: Cause::Damaged(damage.to_owned()) })
}
