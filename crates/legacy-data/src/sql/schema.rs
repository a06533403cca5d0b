//! Finds the tables and columns of a variant by their names.

use crate::record::Table;

/// A table of the database, as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) table: Table,
    /// The table's name.
    pub(crate) name: String,
    /// The columns that have a field, and the field's index in [`crate::layout::Fields`].
    pub(crate) columns: Vec<(usize, String)>,
}

/// Names of a table, in the order of preference. Case and underscores do not count.
fn table_names(table: Table) -> &'static [&'static str] {
    match table {
        Table::Users => &["user", "users"],
        Table::Messages => &["message", "messages"],
        Table::Follows => &["follower", "followers", "follow", "follows"],
        Table::Latest => &["latest"],
    }
}

/// Names of the columns of each field, in the order of [`crate::layout::Fields`].
fn column_names(table: Table) -> &'static [&'static [&'static str]] {
    match table {
        Table::Users => &[
            &["userid", "id"],
            &["username", "name"],
            &["email"],
            &["pwhash", "passwordhash", "password", "pw"],
            &["passwordsalt", "salt"],
        ],
        Table::Messages => &[
            &["messageid", "id"],
            &["authorid", "userid"],
            &["authorname", "username"],
            &["pubdate", "published", "publishedat", "timestamp", "createdat"],
            &["text", "content"],
            &["flagged"],
        ],
        Table::Follows => {
            &[&["whoid", "followerid"], &["whomid", "followeeid", "followedid", "followingid"]]
        }
        Table::Latest => &[&["latest", "value", "latestid", "commandid", "id"]],
    }
}

/// The fields without which a table is not of MiniTwit.
fn required(table: Table) -> &'static [usize] {
    match table {
        Table::Users => &[0, 1],
        Table::Messages => &[1, 4],
        Table::Follows => &[0, 1],
        Table::Latest => &[0],
    }
}

/// Finds the tables among all tables of a database, each with its columns.
///
/// # Errors
/// Returns both names if two tables are of one kind.
pub(crate) fn find(tables: &[(String, Vec<String>)]) -> Result<Vec<Found>, (String, String)> {
    let mut all = Vec::new();
    for table in Table::ALL {
        let mut found: Option<Found> = None;
        for candidate in table_names(table) {
            for (name, columns) in tables.iter().filter(|(name, _)| plain(name) == *candidate) {
                let Some(next) = matching(table, name, columns) else { continue };
                if let Some(first) = found {
                    return Err((first.name, next.name));
                }
                found = Some(next);
            }
        }
        all.extend(found);
    }
    Ok(all)
}

fn matching(table: Table, name: &str, columns: &[String]) -> Option<Found> {
    let mut matched = Vec::new();
    for (field, names) in column_names(table).iter().enumerate() {
        let column =
            names.iter().find_map(|wanted| columns.iter().find(|column| plain(column) == *wanted));
        matched.extend(column.map(|column| (field, column.clone())));
    }
    let complete =
        required(table).iter().all(|field| matched.iter().any(|(index, _)| index == field));
    complete.then(|| Found { table, name: name.to_owned(), columns: matched })
}

fn plain(name: &str) -> String {
    name.chars().filter(|character| *character != '_').flat_map(char::to_lowercase).collect()
}

impl Found {
    /// The query of all rows, columns in the order of [`Found::columns`].
    pub(crate) fn select(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(|(_, name)| quote(name)).collect();
        format!("SELECT {} FROM {}", columns.join(", "), quote(&self.name))
    }
}

/// An identifier in quotes, for both databases.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
