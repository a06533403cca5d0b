//! The server's queries, read from `.sqlx`.

use std::fs;

use serde_json::Value;

use crate::{Failure, options};

/// The one query that contains all fragments, with its parameters replaced in order. Returns an error unless exactly
/// one query matches; then the server's queries have changed, and the fragments must follow.
pub fn find(fragments: &[&str], arguments: &[&str]) -> Result<String, Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(options::repository().join(".sqlx"))? {
        let file: Value = serde_json::from_str(&fs::read_to_string(entry?.path())?)?;
        let text = file["query"].as_str().unwrap_or_default();
        if fragments.iter().all(|fragment| text.contains(fragment)) {
            found.push(text.to_owned());
        }
    }
    let [query] = &found[..] else {
        return Err(format!("{} queries contain {fragments:?}", found.len()).into());
    };
    let mut query = query.clone();
    for (index, argument) in arguments.iter().enumerate() {
        query = query.replace(&format!("${}", index + 1), argument);
    }
    if query.contains('$') {
        Err(format!("arguments are missing: {query}").into())
    } else {
        Ok(query)
    }
}
