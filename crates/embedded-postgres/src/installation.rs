//! Notices that a package manager has replaced the files of a running server.
//!
//! A server of the old version loads libraries of the new one in each new connection, and functions
//! fail. Only a restart helps.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Where installations keep PL/pgSQL, relative to their programs: Debian and `make install`, source
/// builds below /usr, Red Hat's family, Homebrew.
const LIBRARIES: [&str; 4] = ["../lib", "../lib/postgresql", "../lib64/pgsql", "../lib/pgsql"];

const PLPGSQL: [&str; 2] = ["plpgsql.so", "plpgsql.dylib"];

/// The files that a running server depends on: its program and the library of PL/pgSQL.
#[derive(Debug)]
pub(crate) struct Installation {
    files: Vec<PathBuf>,
}

/// Distinguishes a file from its replacement: device, inode, size and modification time.
type FileIdentity = (u64, u64, u64, (i64, i64));

/// The files as they are on disk; an absent file is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity(Vec<Option<FileIdentity>>);

impl Identity {
    /// Whether no file is absent, as one is while a package manager replaces it.
    pub(crate) fn is_complete(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }
}

impl Installation {
    /// The files of the server whose program is `postgres`.
    pub(crate) fn of(postgres: &Path) -> Self {
        // Libraries lie beside the program itself, not beside a link to it.
        let program = postgres.canonicalize().unwrap_or_else(|_| postgres.to_owned());
        let directory = program.parent().unwrap_or(Path::new("/"));
        let libraries = LIBRARIES.iter().flat_map(|libraries| {
            PLPGSQL.iter().map(move |name| directory.join(libraries).join(name))
        });
        let library = libraries.into_iter().find(|path| path.is_file());
        Self { files: [postgres.to_owned()].into_iter().chain(library).collect() }
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity(self.files.iter().map(|path| file_identity(path)).collect())
    }
}

/// Follows links, so that a link to another version counts as a replacement.
fn file_identity(path: &Path) -> Option<FileIdentity> {
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino(), file.size(), (file.mtime(), file.mtime_nsec())))
}
