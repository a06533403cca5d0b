//! Hashes plain-text passwords on all processors, before the import inserts any row.
//!
//! Each group of hashes is committed, so an interrupted import computes none twice.

use std::{num::NonZero, sync::Arc, thread::available_parallelism};

use tokio::task::JoinSet;

use super::{
    error::Error,
    observer::Step,
    user::{OldPassword, PlainPassword},
    users,
    writer::{Session, Writer},
};
use crate::{
    db::import::{self, passwords},
    service::passwords::hash_other,
};

/// Passwords of each processor in a group.
const GROUP: usize = 8;

impl Writer {
    /// Hashes the plain-text passwords of new users, and keeps the hashes.
    pub(super) async fn hash_passwords(
        &mut self,
        session: &Session,
        cost: u32,
    ) -> Result<(), Error> {
        let Some(import) = session.import.filter(|_| self.scan.plain_passwords > 0) else {
            return Ok(());
        };
        self.observer.begin(Step::Passwords, self.scan.plain_passwords);
        let processors = available_parallelism().map_or(1, NonZero::get);
        let mut stream = users::stream(Arc::clone(&self.source), Arc::clone(&self.scan));
        let mut group = Vec::new();
        while let Some(batch) = stream.next().await? {
            for (user, number) in batch {
                let OldPassword::Plain(password) = user.password else { continue };
                if number.is_none() || session.earlier.contains_key(&user.old_id) {
                    self.observer.advance(1);
                    continue;
                }
                group.push((user.old_id, password));
                if group.len() >= GROUP * processors {
                    let group = std::mem::take(&mut group);
                    self.hash_group(import.id, group, cost, processors).await?;
                }
            }
        }
        self.hash_group(import.id, group, cost, processors).await
    }

    async fn hash_group(
        &mut self,
        import: import::ImportId,
        mut group: Vec<(String, PlainPassword)>,
        cost: u32,
        processors: usize,
    ) -> Result<(), Error> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        self.observer.advance(group.len() as u64);
        let ids: Vec<&str> = group.iter().map(|(id, _)| id.as_str()).collect();
        let kept = passwords::kept(connection, import, &ids).await?;
        group.retain(|(id, _)| !kept.contains_key(id));
        if group.is_empty() {
            return Ok(());
        }
        let mut tasks = JoinSet::new();
        let share = group.len().div_ceil(processors);
        while !group.is_empty() {
            let part = group.split_off(group.len().saturating_sub(share));
            tasks.spawn_blocking(move || {
                let hashed = |(id, password)| Ok::<_, Error>((id, hash(&password, cost)?));
                part.into_iter().map(hashed).collect::<Result<Vec<_>, _>>()
            });
        }
        let (mut ids, mut hashes) = (Vec::new(), Vec::new());
        while let Some(part) = tasks.join_next().await {
            for (id, hash) in part.map_err(Error::ThreadFailed)?? {
                ids.push(id);
                hashes.push(hash);
            }
        }
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        Ok(passwords::keep(connection, import, &ids, &hashes).await?)
    }
}

fn hash(password: &PlainPassword, cost: u32) -> Result<String, Error> {
    Ok(match password {
        PlainPassword::Bcrypt(password) => bcrypt::hash(password.expose(), cost)?,
        PlainPassword::Other(password) => hash_other(password)?.expose().to_owned(),
    })
}
