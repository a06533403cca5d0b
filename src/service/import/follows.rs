//! Inserts follows.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
};

use legacy_data::Table;
use tokio::task::spawn_blocking;

use super::{
    error::Error,
    follow::{Follows, Pair},
    observer::Step,
    report::outcome,
    rule::{Outcome, Rule},
    value::Rules,
    writer::{Mode, Session, Writer, in_transaction},
};
use crate::{
    db::{self, PgConnection, import::follows},
    domain::UserId,
};

impl Writer {
    /// Imports the follows.
    pub(super) async fn import_follows(
        &mut self,
        session: &mut Session,
        users: &[Option<UserId>],
    ) -> Result<(), Error> {
        let task = spawn_blocking({
            let (source, scan) = (Arc::clone(&self.source), Arc::clone(&self.scan));
            move || Follows::of(source.as_ref(), &scan)
        });
        let mut all = task.await.map_err(Error::ThreadFailed)??;
        for (name, rules) in std::mem::take(&mut all.skipped) {
            self.recorder.record(Table::Follows, &name, &rules)?;
        }
        self.observer.begin(Step::Follows, all.pairs.len() as u64);
        let fresh = match (&mut self.connection, session.import) {
            (Some(connection), Some(import)) => {
                !follows::any_imported(connection, import.id).await?
            }
            _ => true,
        };
        let scan = Arc::clone(&self.scan);
        let mut old_ids = vec![""; scan.users.len()];
        for (old_id, number) in &scan.numbers {
            if let Some(place) = old_ids.get_mut(*number as usize) {
                *place = old_id;
            }
        }
        let mut rest = all.pairs.as_slice();
        while !rest.is_empty() {
            let rows = session.batch_rows().load(Ordering::Relaxed);
            let (batch, after) = rest.split_at(rest.len().min(rows));
            rest = after;
            self.insert_follows(session, &all, batch, users, (&old_ids, fresh)).await?;
            self.observer.advance(batch.len() as u64);
        }
        Ok(())
    }

    async fn insert_follows(
        &mut self,
        session: &mut Session,
        all: &Follows,
        batch: &[Pair],
        users: &[Option<UserId>],
        (old_ids, fresh): (&[&str], bool),
    ) -> Result<(), Error> {
        let id = |number: u32| users.get(number as usize).copied().flatten();
        let new_pair = |pair: &Pair| id(pair.follower).zip(id(pair.followee));
        let mut outcomes: Vec<(Pair, Rules, Option<follows::Pair>)> = Vec::new();
        for pair in batch {
            let (mut rules, new) = (all.rules(*pair), new_pair(pair));
            if new.is_none() {
                rules.push((Rule::FollowUserUnknown, "a user was deleted here".to_owned()));
            }
            let new = new.filter(|_| outcome(&rules) != Outcome::Skipped);
            outcomes.push((*pair, rules, new));
        }
        let mut rows: Vec<follows::Pair> = outcomes.iter().filter_map(|(_, _, new)| *new).collect();
        let mut here = HashSet::new();
        if let (Some(connection), Some(import)) = (&mut self.connection, session.import) {
            if !fresh {
                here = follows::imported(connection, import.id, &rows).await?;
                rows.retain(|row| !here.contains(row));
            }
            if !session.is_dry() && !rows.is_empty() {
                let empty = matches!(session.mode, Mode::Transaction(_));
                let at = session.imported_at;
                let insert = async |connection: &mut PgConnection| {
                    if empty {
                        follows::copy_all(connection, import.id, &rows, at).await
                    } else {
                        follows::insert(connection, import.id, &rows, at).await
                    }
                };
                in_transaction::<db::Error>(connection, &mut session.mode, rows.len(), insert)
                    .await?;
            }
        }
        for (pair, mut rules, new) in outcomes {
            if new.is_some_and(|new| here.contains(&new)) && !session.continues() {
                rules = vec![(Rule::AlreadyImported, String::new())];
            }
            let old_id = |number: u32| old_ids.get(number as usize).copied().unwrap_or_default();
            let name = format!("{} -> {}", old_id(pair.follower), old_id(pair.followee));
            self.recorder.record(Table::Follows, &name, &rules)?;
        }
        Ok(())
    }
}
