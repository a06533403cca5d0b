//! Collects the values of a record's fields, in any order, and builds the record.

use crate::{
    error::Position,
    record::{Follow, Latest, Message, Record, Secret, Table, User, Value},
};

/// The fields of the widest record.
const WIDTH: usize = 7;

/// The names of a table's fields in documents of MongoDB, in the order of [`Fields`].
pub(crate) fn document_names(table: Table) -> &'static [&'static str] {
    match table {
        Table::Users => {
            &["_id", "Name", "Email", "Password", "PasswordSalt", "Follows", "Followers"]
        }
        Table::Messages => &["_id", "AuthorID", "AuthorName", "Timestamp", "Text", "Flagged"],
        Table::Follows => &["FollowerID", "FolloweeID"],
        Table::Latest => &["latest"],
    }
}

/// Values by field, in the order of [`document_names`].
pub(crate) struct Fields {
    table: Table,
    values: [Value; WIDTH],
}

impl Fields {
    /// Fields that are all missing.
    pub(crate) fn new(table: Table) -> Self {
        Self { table, values: [const { Value::Missing }; WIDTH] }
    }

    /// The place of a document's field, if the record has it and it is not filled. Of fields with the same name
    /// the first counts, as in queries of MongoDB. The case of letters does not count: drivers differ in it.
    pub(crate) fn vacant(&mut self, name: &[u8]) -> Option<&mut Value> {
        let index = document_names(self.table)
            .iter()
            .position(|known| known.as_bytes().eq_ignore_ascii_case(name))?;
        let value = &mut self.values[index];
        (*value == Value::Missing).then_some(value)
    }

    /// Sets a field by its index.
    pub(crate) fn set(&mut self, index: usize, value: Value) {
        self.values[index] = value;
    }

    /// The record of the fields.
    pub(crate) fn into_record(self, position: Position) -> Record {
        let [first, second, third, fourth, fifth, sixth, seventh] = self.values;
        match self.table {
            Table::Users => Record::User(User {
                source_id: first,
                name: second,
                email: third,
                password: Secret::new(fourth),
                password_salt: Secret::new(fifth),
                follows: sixth,
                followers: seventh,
                position,
            }),
            Table::Messages => Record::Message(Message {
                source_id: first,
                author_id: second,
                author_name: third,
                published: fourth,
                text: fifth,
                flagged: sixth,
                position,
            }),
            Table::Follows => {
                Record::Follow(Follow { follower_id: first, followee_id: second, position })
            }
            Table::Latest => Record::Latest(Latest { value: first, position }),
        }
    }
}
