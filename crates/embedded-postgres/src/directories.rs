//! Creating private directories.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use tempfile::TempDir;

use crate::error::Error;

/// Sets the mode of a directory, which the umask restricts at its creation.
pub(crate) fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(Error::io("set the mode of", path))
}

/// Creates a private directory with a new name that begins with `prefix`.
pub(crate) fn make_temporary(parent: &Path, prefix: &str) -> Result<TempDir, Error> {
    // Without a mode, the umask alone would determine the permissions.
    let private = Permissions::from_mode(0o700);
    let directory = tempfile::Builder::new().prefix(prefix).permissions(private).tempdir_in(parent);
    directory.map_err(Error::io("create a directory in", parent))
}
