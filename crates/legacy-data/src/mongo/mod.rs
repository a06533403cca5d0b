//! What `mongodump` and `mongoexport` write.

mod archive;
mod collection;
mod directory;
mod documents;

use std::{path::Path, sync::Arc};

use crate::{
    error::{Cause, Error},
    input::Input,
    source::Source,
};

/// Detects the form of a dump or export.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Source>, Error> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::file(path, error.into()))?;
    if metadata.is_dir() {
        return Ok(Box::new(directory::open(path)?));
    }
    let file: Arc<Path> = path.into();
    if archive::begins(&mut Input::open(&file, Arc::default())?)? {
        return Ok(Box::new(archive::open(&file)?));
    }
    let expected = "it is no archive of mongodump; for .bson or .json files, name their directory";
    Err(Error::file(path, Cause::Unknown(expected.to_owned())))
}
