//! Imports the simulator's `latest`.

use std::sync::Arc;

use legacy_data::{Record, Table, Value};
use tokio::task::spawn_blocking;

use super::{
    error::Error,
    rule::Rule,
    value::Rules,
    writer::{Session, Writer},
};
use crate::db::simulator_latest;

impl Writer {
    /// Imports the first value, unless this system has one.
    pub(super) async fn import_latest(&mut self, session: &mut Session) -> Result<(), Error> {
        let source = Arc::clone(&self.source);
        let read = move || -> Result<Vec<Value>, legacy_data::Error> {
            let value = |record| match record {
                Ok(Record::Latest(latest)) => Some(Ok(latest.value)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            };
            source.read(Table::Latest)?.filter_map(value).collect()
        };
        let values = spawn_blocking(read).await.map_err(Error::ThreadFailed)??;
        let mut found = false;
        for (value, row) in values.iter().zip(1_u64..) {
            let mut rules = Rules::new();
            match number(value) {
                None => rules.push((Rule::LatestUnreadable, String::new())),
                Some(_) if found => rules.push((Rule::LatestRepeated, String::new())),
                Some(number) => {
                    found = true;
                    if !self.insert_latest(session, number).await? {
                        rules.push((Rule::LatestKept, String::new()));
                    }
                }
            }
            self.recorder.record(Table::Latest, &format!("#{row}"), &rules)?;
        }
        Ok(())
    }

    async fn insert_latest(&mut self, session: &Session, value: i64) -> Result<bool, Error> {
        let Some(connection) = &mut self.connection else { return Ok(true) };
        if session.is_dry() {
            return Ok(!simulator_latest::exists(connection).await?);
        }
        Ok(simulator_latest::insert_first(connection, value).await?)
    }
}

fn number(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Integer(number) => *number,
        Value::Double(number) if number.fract() == 0.0 && number.abs() < 1e15 => *number as i64,
        Value::Text(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (number >= 0).then_some(number)
}
