//! A file of BSON documents as records.

use crate::{
    bson::{Framed, elements, next_document},
    error::{Cause, Error},
    input::Input,
    layout::Fields,
    record::{Record, Table},
};

/// The records of a `.bson` file.
pub(crate) struct Documents {
    input: Input,
    table: Table,
    finished: bool,
}

impl Documents {
    pub(crate) fn new(input: Input, table: Table) -> Self {
        Self { input, table, finished: false }
    }

    fn read(&mut self) -> Result<Option<Record>, Error> {
        let offset = self.input.offset();
        match next_document(&mut self.input)? {
            Framed::Document(length) => {
                document_record(&mut self.input, length, self.table).map(Some)
            }
            Framed::End => Ok(None),
            Framed::Terminator => Err(self.input.error(
                offset,
                Cause::Damaged("a length is negative; only an archive has terminators".to_owned()),
            )),
        }
    }
}

impl Iterator for Documents {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        let item = self.read().transpose();
        self.finished = !matches!(item, Some(Ok(_)));
        item
    }
}

/// Reads and consumes a document that [`next_document`] found.
pub(crate) fn document_record(
    input: &mut Input,
    length: usize,
    table: Table,
) -> Result<Record, Error> {
    let offset = input.offset();
    let mut fields = Fields::new(table);
    let filled = fill(&mut fields, input.peek(length)?);
    if let Err(damage) = filled {
        return Err(
            input.error(offset + damage.offset as u64, Cause::Damaged(damage.what.to_owned()))
        );
    }
    input.consume(length);
    Ok(fields.into_record(input.position(offset)))
}

fn fill(fields: &mut Fields, document: &[u8]) -> Result<(), crate::bson::Damage> {
    for element in elements(document) {
        let element = element?;
        if let Some(value) = fields.vacant(element.name) {
            *value = element.value()?;
        }
    }
    Ok(())
}
