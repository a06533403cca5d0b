//! Truncated and corrupted files of every form: an error with file and offset, or records, and nothing else.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use flate2::{Compression, write::GzEncoder};
use legacy_data::{Error, Place, Source, Table, mongo, sqlite};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::{sqlite::sample, support::data};

/// The forms, read once.
fn forms() -> &'static [Form] {
    static FORMS: LazyLock<Vec<Form>> = LazyLock::new(load);
    &FORMS
}

/// A file that the tests damage, and how its source is opened.
#[derive(Clone)]
struct Form {
    name: &'static str,
    /// The file's content, and its path inside the source.
    content: Vec<u8>,
    file: &'static str,
    open: fn(&Path) -> Result<Box<dyn Source>, Error>,
    /// True if a checksum or the grammar finds each truncation.
    truncation_is_found: bool,
}

fn load() -> Vec<Form> {
    let form = |name, path: &str, file, truncation_is_found| Form {
        name,
        content: fs::read(data(path)).unwrap(),
        file,
        open: |path| {
            if path.join("archive").exists() { mongo(&path.join("archive")) } else { mongo(path) }
        },
        truncation_is_found,
    };
    vec![
        form("BSON", "dump/MiniTwit/users.bson", "users.bson", false),
        form("BSON, compressed", "dump-gz/MiniTwit/messages.bson.gz", "messages.bson.gz", true),
        form("archive", "dump.archive", "archive", true),
        form("archive, compressed", "dump.archive.gz", "archive", true),
        form("canonical JSON", "export-canonical/users.json", "users.json", false),
        form("relaxed JSON", "export-relaxed/messages.json", "messages.json", true),
        Form {
            name: "SQLite",
            content: sample(),
            file: "old.db",
            open: |path| sqlite(&path.join("old.db")),
            truncation_is_found: false,
        },
    ]
}

/// Reads every table to its end or first error. Returns the number of records.
fn read_all(form: &Form, content: &[u8]) -> Result<usize, Error> {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join(form.file);
    fs::write(&file, content).unwrap();
    let result = (form.open)(directory.path()).and_then(|source| {
        let mut count = 0;
        for table in Table::ALL {
            let mut records = source.read(table)?;
            for record in records.by_ref() {
                record?;
                count += 1;
            }
            assert!(records.next().is_none(), "an iterator that has ended stays so");
        }
        Ok(count)
    });
    if let Err(error) = &result {
        let named: PathBuf = [&error.file, directory.path()].iter().collect();
        assert!(named.starts_with(directory.path()), "{error}");
        let shown = error.to_string();
        assert!(shown.contains(&*directory.path().to_string_lossy()), "{shown}");
        match error.place {
            Place::Byte(offset) => assert!(offset <= content.len() as u64, "{shown}"),
            Place::File | Place::DecompressedByte(_) | Place::Row { .. } => {}
        }
    }
    result
}

#[test]
fn truncated_files_are_found() {
    for form in forms() {
        let whole = read_all(form, &form.content).unwrap();
        assert!(whole > 0, "{}", form.name);
        let step = form.content.len() / 60;
        for length in (0..form.content.len() - 1).step_by(step).chain([1, 2, 3, 4, 5]) {
            match read_all(form, &form.content[..length]) {
                // A file of documents may end after any of them.
                Ok(count) => {
                    // An empty file is an empty collection.
                    assert!(
                        !form.truncation_is_found || length == 0,
                        "{} of {length} bytes has {count} records",
                        form.name
                    );
                    assert!(count < whole, "{} of {length} bytes", form.name);
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
}

#[test]
fn a_truncated_document_has_its_offset() {
    let form = &forms()[0];
    let first = u64::from(u32::from_le_bytes(form.content[..4].try_into().unwrap()));
    let cut = usize::try_from(first).unwrap() + 20;
    let error = read_all(form, &form.content[..cut]).unwrap_err();
    assert_eq!(error.place, Place::Byte(first));
    let expected =
        format!("users.bson at byte {first}: the file is truncated: it ends inside a document");
    assert!(error.to_string().ends_with(&expected), "{error}");
}

#[test]
fn a_wrong_checksum_is_found() {
    for (index, flipped) in [(2, b"devops"), (3, b"devops")] {
        let form = &forms()[index];
        let mut content = form.content.clone();
        if index == 3 {
            let mut plain = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&content[..]), &mut plain)
                .unwrap();
            content = plain;
        }
        let at = content.windows(flipped.len()).position(|window| window == flipped).unwrap();
        content[at] ^= 1;
        let error = read_all(form, &content).unwrap_err();
        assert!(error.to_string().contains("the checksum of the collection is wrong"), "{error}");
    }
}

#[test]
fn a_length_of_two_gigabytes_allocates_nothing() {
    let form = &forms()[0];
    let mut content = form.content.clone();
    content[..4].copy_from_slice(&i32::MAX.to_le_bytes());
    let error = read_all(form, &content).unwrap_err();
    assert!(error.to_string().contains("2147483647 is no length of a document"), "{error}");
    let mut claims = 16_000_000_i32.to_le_bytes().to_vec();
    claims.extend_from_slice(b"\x02Name\0");
    let error = read_all(form, &claims).unwrap_err();
    assert_eq!(error.place, Place::Byte(0));
}

#[test]
fn deep_nesting_is_bounded() {
    const DEPTH: usize = 1_000_000;
    let bson = &forms()[0];
    // Arrays inside arrays: each has its length, one element and its NUL.
    let mut inner: Vec<u8> = vec![5, 0, 0, 0, 0];
    for _ in 0..2_000 {
        let length = i32::try_from(inner.len() + 8).unwrap();
        inner = [&length.to_le_bytes()[..], b"\x040\0", &inner, b"\0"].concat();
    }
    let length = i32::try_from(inner.len() + 4 + 9 + 1).unwrap();
    let document = [&length.to_le_bytes()[..], b"\x04Follows\0", &inner, b"\0"].concat();
    assert_eq!(read_all(bson, &document).unwrap(), 1);

    let json = &forms()[4];
    for opening in ["[", "{\"a\":"] {
        let nested = format!("{{\"Follows\": {}", opening.repeat(DEPTH));
        read_all(json, nested.as_bytes()).unwrap_err();
        let nested = format!("{{\"Other\": {}", opening.repeat(DEPTH));
        read_all(json, nested.as_bytes()).unwrap_err();
    }
    let closed = format!("{{\"Follows\": {}{}}}", "[".repeat(1000), "]".repeat(1000));
    assert_eq!(read_all(json, closed.as_bytes()).unwrap(), 1);
}

#[test]
fn a_compressed_bomb_is_read_in_constant_memory() {
    // 300 MB of white space, and one string of the same size: far above what the reader may hold.
    for (start, fill, records) in [("", b' ', Some(0)), ("{\"Text\": \"", b'a', None)] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(start.as_bytes()).unwrap();
        for _ in 0..300 {
            encoder.write_all(&vec![fill; 1_000_000]).unwrap();
        }
        let form = Form { file: "messages.json.gz", ..forms()[4].clone() };
        let result = read_all(&form, &encoder.finish().unwrap());
        assert_eq!(result.as_ref().ok().copied(), records, "{:?}", result.err());
    }
    let peak = fs::read_to_string("/proc/self/status").unwrap();
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 300_000, "the tests of this process needed {kilobytes} kB");
}

/// 200 cases, or as many as `make fuzz` sets.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 200 };
    ProptestConfig { cases, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn corrupted_files_never_panic(
        form in 0_usize..7,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let form = &forms()[form];
        let mut content = form.content.clone();
        for (index, byte) in flips {
            let index = index.index(content.len());
            content[index] = byte;
        }
        if let Some(cut) = cut {
            content.truncate(cut.index(content.len()));
        }
        let _ = read_all(form, &content);
    }

    #[test]
    fn arbitrary_bytes_never_panic(form in 0_usize..7, content in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_all(&forms()[form], &content);
    }

    #[test]
    fn arbitrary_json_never_panics(content in r#"[\[{]?(\{|\}|\[|\]|"|:|,|\\u[dD][89a-f][0-9]{2}|\\|"\$(oid|date|binary|numberLong)"|"Text"|"Follows"|[0-9.eE-]{1,4}|true|null| |\n|é){0,40}"#) {
        let _ = read_all(&forms()[4], content.as_bytes());
    }
}
