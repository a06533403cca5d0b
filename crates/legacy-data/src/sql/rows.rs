//! Rows that a thread reads ahead of the consumer.
//!
//! The statement borrows its connection, so an iterator could not own both. The thread also reads while the
//! consumer works. It ends when the iterator is dropped.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use crate::{
    error::{Cause, Error},
    record::{Record, Value},
    source::Records,
};

/// Records of one batch.
const RECORDS: usize = 256;
/// Bytes of text at which a batch is sent before it is full.
const BYTES: usize = 256 * 1024;
/// Batches that wait for the consumer.
const WAITING: usize = 4;

type Sent = Result<Vec<Record>, Error>;

/// Sent after the last batch, so that a thread that panicked is not taken for the end of the table.
const END: Vec<Record> = Vec::new();

/// The records that the thread has not sent yet.
pub(crate) struct Batch {
    sender: SyncSender<Sent>,
    records: Vec<Record>,
    bytes: usize,
}

impl Batch {
    /// Adds a record. Returns false if the consumer is gone.
    pub(crate) fn push(&mut self, record: Record) -> bool {
        self.bytes += size(&record);
        self.records.push(record);
        (self.records.len() < RECORDS && self.bytes < BYTES) || self.flush()
    }

    fn flush(&mut self) -> bool {
        self.bytes = 0;
        let records = std::mem::replace(&mut self.records, Vec::with_capacity(RECORDS));
        self.sender.send(Ok(records)).is_ok()
    }
}

/// Runs a reader in a thread.
pub(crate) fn spawn(
    read: impl FnOnce(&mut Batch) -> Result<(), Error> + Send + 'static,
) -> Records {
    let (sender, receiver) = sync_channel(WAITING);
    let mut batch = Batch { sender, records: Vec::with_capacity(RECORDS), bytes: 0 };
    let started = thread::Builder::new().name("legacy-rows".to_owned()).spawn(move || {
        let outcome = read(&mut batch);
        // A consumer that is gone needs nothing of this.
        let _ = batch.records.is_empty() || batch.flush();
        let _ = batch.sender.send(outcome.map(|()| END));
    });
    match started {
        Ok(_) => Box::new(Rows { receiver, records: Vec::new().into_iter(), finished: false }),
        Err(error) => {
            Box::new(std::iter::once(Err(Error::file("thread".as_ref(), Cause::Io(error)))))
        }
    }
}

struct Rows {
    receiver: Receiver<Sent>,
    records: std::vec::IntoIter<Record>,
    finished: bool,
}

impl Iterator for Rows {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.records.next() {
                return Some(Ok(record));
            }
            if self.finished {
                return None;
            }
            match self.receiver.recv() {
                Ok(Ok(records)) => {
                    self.finished = records.is_empty();
                    self.records = records.into_iter();
                }
                Ok(Err(error)) => {
                    self.finished = true;
                    return Some(Err(error));
                }
                Err(_) => {
                    self.finished = true;
                    return Some(Err(Error::file(
                        "thread".as_ref(),
                        Cause::Unknown("the reader failed".to_owned()),
                    )));
                }
            }
        }
    }
}

/// About the memory of a record's values.
fn size(record: &Record) -> usize {
    let bytes = |value: &Value| match value {
        Value::Text(text) => text.len(),
        Value::InvalidText(bytes) | Value::Bytes(bytes) => bytes.len(),
        Value::Array(values) => values.len() * size_of::<Value>(),
        _ => 0,
    };
    match record {
        Record::User(user) => {
            bytes(&user.name) + bytes(&user.email) + bytes(user.password.expose())
        }
        Record::Message(message) => bytes(&message.text) + bytes(&message.author_name),
        Record::Follow(_) | Record::Latest(_) => 0,
    }
}
