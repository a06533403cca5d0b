//! Inserts messages.

use std::{collections::HashSet, sync::Arc};

use legacy_data::{Record, Table};
use time::OffsetDateTime;

use super::{
    error::Error,
    message::{AssessedMessage, Context, assess},
    observer::Step,
    report::outcome,
    rule::{Outcome, Rule},
    stream::{Limits, Stream},
    value::Rules,
    writer::{Mode, Session, Writer, in_transaction, lock_search},
};
use crate::{
    db::{
        PgConnection,
        import::{
            ImportId, messages,
            messages::{InsertError, NewMessage},
            search,
        },
    },
    domain::UserId,
};

/// The most bytes of a batch, so that memory stays constant: at most three batches exist at a time.
const BATCH_BYTES: usize = 8 << 20;
/// About the memory of a message without its text.
const ROW_BYTES: usize = 200;

impl Writer {
    /// Imports the messages.
    pub(super) async fn import_messages(
        &mut self,
        session: &mut Session,
        users: &[Option<UserId>],
    ) -> Result<(), Error> {
        self.begin_step(Step::Messages, Table::Messages);
        // Without an earlier message of the source, no batch needs a look-up.
        let fresh = match (&mut self.connection, session.import) {
            (Some(connection), Some(import)) => {
                !messages::any_imported(connection, import.id).await?
            }
            _ => true,
        };
        let limits = Limits { records: session.batch_rows(), bytes: BATCH_BYTES };
        let mut stream = self.message_stream(session.imported_at, limits);
        while let Some(batch) = stream.next().await? {
            self.insert_messages(session, batch, users, fresh).await?;
        }
        Ok(())
    }

    /// Reads all messages in a thread.
    fn message_stream(
        &self,
        imported_at: OffsetDateTime,
        limits: Limits,
    ) -> Stream<AssessedMessage> {
        let (source, scan) = (Arc::clone(&self.source), Arc::clone(&self.scan));
        Stream::start(limits, move |sink| {
            let user = |old_id: &str| scan.user(old_id);
            let context = Context { dialect: scan.dialect, imported_at, user: &user };
            let mut seen = HashSet::new();
            for (record, row) in source.read(Table::Messages)?.zip(1..) {
                let Record::Message(message) = record? else { continue };
                let mut message = assess(message, row, &context);
                if scan.may_be_repeated(&message.old_id) && !seen.insert(message.old_id.clone()) {
                    message.rules.push((Rule::IdRepeated, String::new()));
                }
                let bytes = message.text.len() + ROW_BYTES;
                if sink.push(message, bytes).is_err() {
                    break;
                }
            }
            Ok(())
        })
    }

    async fn insert_messages(
        &mut self,
        session: &mut Session,
        batch: Vec<AssessedMessage>,
        users: &[Option<UserId>],
        fresh: bool,
    ) -> Result<(), Error> {
        let records = batch.len() as u64;
        let here = match (&mut self.connection, session.import) {
            (Some(connection), Some(import)) if !fresh => {
                let ids: Vec<&str> = batch.iter().map(|it| it.old_id.as_str()).collect();
                messages::imported(connection, import.id, &ids).await?
            }
            _ => HashSet::new(),
        };
        let (mut rows, mut rules) = (Vec::new(), Vec::new());
        for message in batch {
            let is_here = here.contains(&message.old_id);
            if let Some((row, of_row)) = self.new_message(session, message, users, is_here)? {
                rows.push(row);
                rules.push(of_row);
            }
        }
        if !session.is_dry() && !rows.is_empty() {
            self.write_messages(session, &mut rows, &mut rules).await?;
        }
        for (row, rules) in rows.iter().zip(&rules) {
            self.recorder.record(Table::Messages, &row.old_id, rules)?;
        }
        self.observer.advance(records);
        Ok(())
    }

    /// Records a message that is not inserted. Returns a new one.
    fn new_message(
        &mut self,
        session: &Session,
        message: AssessedMessage,
        users: &[Option<UserId>],
        is_here: bool,
    ) -> Result<Option<(NewMessage, Rules)>, Error> {
        let AssessedMessage { old_id, mut rules, author, text, published_at, flagged } = message;
        let author = author.map(|number| users.get(number as usize).copied().flatten());
        if let Some(None) = author {
            rules.push((Rule::AuthorUnknown, "the author was deleted here".to_owned()));
        }
        let is_skipped = outcome(&rules) == Outcome::Skipped;
        if is_here && !session.continues() && !is_skipped {
            rules = vec![(Rule::AlreadyImported, String::new())];
        }
        match author.flatten() {
            Some(author) if !is_here && !is_skipped => {
                Ok(Some((NewMessage { old_id, author, text, published_at, flagged }, rules)))
            }
            _ => {
                self.recorder.record(Table::Messages, &old_id, &rules)?;
                Ok(None)
            }
        }
    }

    async fn write_messages(
        &mut self,
        session: &mut Session,
        rows: &mut Vec<NewMessage>,
        rules: &mut Vec<Rules>,
    ) -> Result<(), Error> {
        let (Some(connection), Some(import)) = (&mut self.connection, session.import) else {
            return Ok(());
        };
        if matches!(session.mode, Mode::Batches(_)) {
            lock_search(connection, session).await?;
            // Of the rows to insert; there is at least one.
            let first = rows.iter().map(|row| row.published_at).min();
            while search::delete_from(connection, first.unwrap_or(session.imported_at)).await? {}
            session.inserted = true;
        }
        loop {
            match insert(connection, &mut session.mode, import.id, rows).await {
                Ok(()) => return Ok(()),
                Err(InsertError::Database(error)) => return Err(error.into()),
                Err(InsertError::AuthorDeleted) => {
                    let authors: Vec<UserId> = rows.iter().map(|row| row.author).collect();
                    let existing = crate::db::import::users::existing(connection, &authors).await?;
                    let (kept, lost) =
                        std::mem::take(rows)
                            .into_iter()
                            .zip(std::mem::take(rules))
                            .partition::<Vec<_>, _>(|(row, _)| existing.contains(&row.author));
                    (*rows, *rules) = kept.into_iter().unzip();
                    for (row, mut rules) in lost {
                        rules.push((Rule::AuthorUnknown, "the author was deleted here".to_owned()));
                        self.recorder.record(Table::Messages, &row.old_id, &rules)?;
                    }
                }
            }
        }
    }
}

async fn insert(
    connection: &mut PgConnection,
    mode: &mut Mode,
    import: ImportId,
    rows: &[NewMessage],
) -> Result<(), InsertError> {
    let insert =
        async |connection: &mut PgConnection| messages::insert(connection, import, rows).await;
    in_transaction(connection, mode, rows.len(), insert).await
}
