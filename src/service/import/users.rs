//! Inserts users.

use std::{collections::HashMap, sync::Arc};

use legacy_data::{Record, Table};
use time::OffsetDateTime;

use super::{
    error::Error,
    message::from_micros,
    names::Names,
    observer::Step,
    rule::Rule,
    scan::Scan,
    stream::{Limits, Stream},
    user::{AssessedUser, OldPassword, assess, substitute_name},
    value::{Dialect, Rules, time_of_id},
    writer::{Session, Writer, in_transaction},
};
use crate::{
    db::{
        PgConnection,
        import::{
            self,
            users::{InsertError, NewUser, Unusable},
        },
    },
    domain::{PasswordHash, UserId, Username},
};

/// Users of a batch, and the most bytes of them.
const BATCH_ROWS: usize = 500;
const BATCH_BYTES: usize = 1 << 20;
/// A hash that no password has.
const UNUSABLE: &str = "$2b$10$.....................................................";

/// A user, and its number if it is the first with its old id.
pub(super) type Numbered = (AssessedUser, Option<u32>);

/// A user to insert, and its number.
type NewRecord = (AssessedUser, u32);

/// Reads all users in a thread, with their numbers.
pub(super) fn stream(source: Arc<dyn legacy_data::Source>, scan: Arc<Scan>) -> Stream<Numbered> {
    let limits = Limits { records: Arc::new(BATCH_ROWS.into()), bytes: BATCH_BYTES };
    Stream::start(limits, move |sink| {
        let mut next = 0;
        for (record, row) in source.read(Table::Users)?.zip(1..) {
            let Record::User(user) = record? else { continue };
            let mut user = assess(user, row, scan.dialect);
            let is_next = scan.user(&user.old_id).is_some_and(|(number, _)| number == next);
            let number = is_next.then_some(next);
            if is_next {
                next += 1;
            } else {
                user.rules.push((Rule::IdRepeated, String::new()));
            }
            if sink.push((user, number), 1_000).is_err() {
                break;
            }
        }
        Ok(())
    })
}

impl Writer {
    /// Imports the users. Returns the new id of each user of the scan, if it exists.
    pub(super) async fn import_users(
        &mut self,
        session: &mut Session,
    ) -> Result<Vec<Option<UserId>>, Error> {
        self.begin_step(Step::Users, Table::Users);
        let mut ids = vec![None; self.scan.users.len()];
        let mut names = self.scan.names();
        let mut users = stream(Arc::clone(&self.source), Arc::clone(&self.scan));
        while let Some(batch) = users.next().await? {
            let records = batch.len() as u64;
            let mut new = Vec::new();
            for (user, number) in batch {
                if let Some((user, number)) = self.known_user(session, user, number, &mut ids)? {
                    new.push((user, number));
                }
            }
            self.insert_users(session, new, &mut names, &mut ids).await?;
            self.observer.advance(records);
        }
        Ok(ids)
    }

    /// Records a user that is not inserted: a repeated one, or one that is here already. Returns a new
    /// user.
    fn known_user(
        &mut self,
        session: &Session,
        mut user: AssessedUser,
        number: Option<u32>,
        ids: &mut [Option<UserId>],
    ) -> Result<Option<NewRecord>, Error> {
        if let Some(number) = number {
            let Some(earlier) = session.earlier.get(&user.old_id) else {
                return Ok(Some((user, number)));
            };
            if let Some(id) = ids.get_mut(number as usize) {
                *id = earlier.name.is_some().then_some(earlier.id);
            }
            if !session.continues() {
                user.rules = vec![(Rule::AlreadyImported, String::new())];
            } else if let Some(name) = earlier.name.as_ref().filter(|name| **name != user.name) {
                user.rules.push(taken(&user.name, name));
            }
        }
        self.recorder.record(Table::Users, &user.old_id, &user.rules)?;
        Ok(None)
    }

    async fn insert_users(
        &mut self,
        session: &mut Session,
        users: Vec<NewRecord>,
        names: &mut Names,
        ids: &mut [Option<UserId>],
    ) -> Result<(), Error> {
        if users.is_empty() {
            return Ok(());
        }
        let mut given = self.give_names(&users, names).await?;
        let new_ids = match (&mut self.connection, session.import) {
            (Some(connection), Some(import)) if !session.is_dry() => {
                let rows =
                    rows(connection, import.id, &users, &self.scan, session.imported_at).await?;
                self.write_users(session, &users, rows, (names, &mut given)).await?
            }
            // Ids that stand for existing users, for the counts alone.
            _ => vec![UserId(0); users.len()],
        };
        for (((user, number), name), new_id) in users.into_iter().zip(given).zip(new_ids) {
            let mut rules: Rules = user.rules;
            if name != user.name {
                rules.push(taken(&user.name, &name));
            }
            if let Some(id) = ids.get_mut(number as usize) {
                *id = Some(new_id);
            }
            self.recorder.record(Table::Users, &user.old_id, &rules)?;
        }
        Ok(())
    }

    /// Gives each user a name that no other user has.
    async fn give_names(
        &mut self,
        users: &[NewRecord],
        names: &mut Names,
    ) -> Result<Vec<String>, Error> {
        if let Some(connection) = &mut self.connection {
            let wanted: Vec<&str> = users.iter().map(|(user, _)| user.name.as_str()).collect();
            for (name, reason) in import::users::unusable(connection, &wanted).await? {
                // Others are replaced below.
                if reason == Unusable::Taken {
                    names.take(&name);
                }
            }
        }
        let mut given: Vec<String> = users.iter().map(|(user, _)| names.give(&user.name)).collect();
        if let Some(connection) = &mut self.connection {
            replace_taken(connection, users, names, &mut given).await?;
        }
        Ok(given)
    }

    /// Inserts the rows, with other names if a user has registered one of them since. Returns their ids.
    async fn write_users(
        &mut self,
        session: &mut Session,
        users: &[NewRecord],
        mut rows: Vec<(UserId, NewUser)>,
        (names, given): (&mut Names, &mut [String]),
    ) -> Result<Vec<UserId>, Error> {
        let (Some(connection), Some(import)) = (&mut self.connection, session.import) else {
            return Ok(Vec::new());
        };
        loop {
            for ((_, row), name) in rows.iter_mut().zip(given.iter()) {
                row.username = Username::from_stored(name.clone());
            }
            let insert = async |connection: &mut PgConnection| {
                import::users::insert(connection, import.id, &rows).await
            };
            match in_transaction(connection, &mut session.mode, 0, insert).await {
                Ok(()) => return Ok(rows.into_iter().map(|(id, _)| id).collect()),
                Err(InsertError::Database(error)) => return Err(error.into()),
                // The one transaction locks the table, so only batches meet it.
                Err(InsertError::NameTaken) => {
                    replace_taken(connection, users, names, given).await?;
                }
            }
        }
    }
}

fn taken(wanted: &str, given: &str) -> (Rule, String) {
    (Rule::NameTaken, format!("{wanted:?} → {given:?}"))
}

/// Gives other names to those whose names users of this system have.
async fn replace_taken(
    connection: &mut PgConnection,
    users: &[NewRecord],
    names: &mut Names,
    given: &mut [String],
) -> Result<(), Error> {
    loop {
        let candidates: Vec<&str> = given.iter().map(String::as_str).collect();
        let unusable = import::users::unusable(connection, &candidates).await?;
        if unusable.is_empty() {
            return Ok(());
        }
        for (name, (user, _)) in given.iter_mut().zip(users) {
            match unusable.get(name) {
                Some(Unusable::Taken) => *name = names.give_substitute(&user.name),
                Some(Unusable::NotNormalized) => {
                    *name = names.give(&substitute_name(&user.old_id));
                }
                None => {}
            }
        }
    }
}

/// The rows of new users with their reserved ids, still without names.
async fn rows(
    connection: &mut PgConnection,
    import: import::ImportId,
    users: &[NewRecord],
    scan: &Scan,
    imported_at: OffsetDateTime,
) -> Result<Vec<(UserId, NewUser)>, Error> {
    let plain = users.iter().filter(|(user, _)| matches!(user.password, OldPassword::Plain(_)));
    let plain: Vec<&str> = plain.map(|(user, _)| user.old_id.as_str()).collect();
    let hashes = match plain.as_slice() {
        [] => HashMap::new(),
        ids => import::passwords::kept(connection, import, ids).await?,
    };
    let new_ids = import::users::reserve(connection, users.len()).await?;
    let row = |((user, number), id): (&NewRecord, UserId)| {
        let first_message = scan.users.get(*number as usize).and_then(|user| user.first_message);
        let own = time_of_id(&user.old_id).filter(|_| scan.dialect == Dialect::Mongo);
        let times = [own, first_message.map(i128::from)];
        let times = times.into_iter().flatten().filter_map(from_micros);
        let new = NewUser {
            old_id: user.old_id.clone(),
            username: Username::from_stored(String::new()),
            email: user.email.clone(),
            password_hash: stored(&user.password, hashes.get(&user.old_id))?,
            created_at: times.fold(imported_at, OffsetDateTime::min),
        };
        Ok((id, new))
    };
    users.iter().zip(new_ids).map(row).collect()
}

/// The hash to store for a password; that of a plain-text one is `kept`.
fn stored(password: &OldPassword, kept: Option<&String>) -> Result<PasswordHash, Error> {
    match (password, kept) {
        (OldPassword::Hash(hash), _) => Ok(hash.clone()),
        (OldPassword::Plain(_), Some(hash)) => Ok(PasswordHash::parse(hash)?),
        (OldPassword::Plain(_), None) => Err(Error::SourceChanged),
        (OldPassword::Unusable, _) => Ok(PasswordHash::parse(UNUSABLE)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_has_the_unusable_hash() {
        let hash = stored(&OldPassword::Unusable, None).expect("a form that PostgreSQL accepts");
        for password in ["", "a", "password"] {
            let verified = bcrypt::verify(password, hash.expose());
            assert!(!verified.expect("a form that bcrypt reads"), "{password}");
        }
    }
}
