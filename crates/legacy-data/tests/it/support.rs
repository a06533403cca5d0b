//! What the tests share.

use std::path::{Path, PathBuf};

use legacy_data::{Error, Message, Record, Source, Table, User};

/// A file or directory of the sample dump.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mongo").join(name)
}

/// All records of a table.
pub fn read(source: &dyn Source, table: Table) -> Result<Vec<Record>, Error> {
    source.read(table)?.collect()
}

pub fn users(source: &dyn Source) -> Vec<User> {
    let records = read(source, Table::Users).expect("users are readable");
    records
        .into_iter()
        .map(|record| if let Record::User(user) = record { user } else { panic!("{record:?}") })
        .collect()
}

pub fn messages(source: &dyn Source) -> Vec<Message> {
    let records = read(source, Table::Messages).expect("messages are readable");
    records
        .into_iter()
        .map(
            |record| {
                if let Record::Message(message) = record { message } else { panic!("{record:?}") }
            },
        )
        .collect()
}
