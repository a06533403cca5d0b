//! The directory of the server's Unix socket. The server trusts every local connection, which is safe
//! because the directory is private.

use std::{
    fs, io,
    os::unix::{fs::symlink, net::UnixStream},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    directories::{make_temporary, set_mode},
    error::Error,
    os_user::OsUser,
};

/// The port. It only names the socket's file, since there is no TCP listener.
pub(crate) const PORT: u16 = 5432;

/// The longest path of a Unix socket in bytes: `sun_path` of `sockaddr_un` without the final zero.
const LONGEST_SOCKET: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

const SHORT_BASE: &str = "/tmp";

const SHORT_PREFIX: &str = "minitwit-run-";

/// An existing, private directory for the socket. Dropping it removes a directory outside the data
/// directory.
#[derive(Debug)]
pub(crate) struct SocketDirectory {
    path: PathBuf,
    /// The directory below /tmp, and the link to it in the data directory.
    short: Option<(TempDir, PathBuf)>,
}

/// The socket's directory at `run`, if a server accepts connections there.
pub(crate) fn find(run: &Path) -> Option<PathBuf> {
    // The path through the link may be too long for a socket.
    let directory = run.canonicalize().ok()?;
    UnixStream::connect(directory.join(format!(".s.PGSQL.{PORT}"))).ok()?;
    Some(directory)
}

impl SocketDirectory {
    /// Creates the directory at `run`. If that path is too long for a socket, creates a directory
    /// below /tmp and a link to it at `run`.
    pub(crate) fn open(run: PathBuf, os_user: &OsUser) -> Result<Self, Error> {
        clear(&run)?;
        let directory = if fits(&run) {
            fs::create_dir(&run).map_err(Error::io("create the directory", &run))?;
            Self { path: run, short: None }
        } else {
            let short = make_temporary(Path::new(SHORT_BASE), SHORT_PREFIX)?;
            symlink(short.path(), &run).map_err(Error::io("create the link", &run))?;
            Self { path: short.path().to_owned(), short: Some((short, run)) }
        };
        set_mode(&directory.path, 0o700)?;
        os_user.make_owner_of(&directory.path)?;
        Ok(directory)
    }

    /// The directory's path: valid UTF-8, and short enough for a socket.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketDirectory {
    fn drop(&mut self) {
        if let Some((_, link)) = &self.short
            && let Err(error) = fs::remove_file(link)
        {
            tracing::warn!(%error, "cannot remove the link to the socket's directory");
        }
    }
}

/// Removes the directory of an earlier server at `run`, or the link and its target below /tmp.
pub(crate) fn clear(run: &Path) -> Result<(), Error> {
    let removed = match fs::read_link(run) {
        Ok(target) => {
            if is_short(&target) {
                // It may not exist: a boot empties /tmp.
                let _ = fs::remove_dir_all(&target);
            }
            fs::remove_file(run)
        }
        Err(_) => fs::remove_dir_all(run),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", run)(error))
        }
        _ => Ok(()),
    }
}

fn is_short(directory: &Path) -> bool {
    let name = directory.file_name().unwrap_or_default().as_encoded_bytes();
    directory.parent() == Some(Path::new(SHORT_BASE)) && name.starts_with(SHORT_PREFIX.as_bytes())
}

/// Whether sqlx and the server can use a socket in this directory.
fn fits(directory: &Path) -> bool {
    let socket = directory.join(format!(".s.PGSQL.{PORT}"));
    socket.to_str().is_some_and(|path| path.len() <= LONGEST_SOCKET)
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    use super::*;

    #[test]
    fn a_socket_path_fits_up_to_the_longest() {
        let room = LONGEST_SOCKET - "/.s.PGSQL.5432".len();
        let directory = |length: usize| PathBuf::from(format!("/{}", "x".repeat(length - 1)));
        assert!(fits(&directory(room)));
        assert!(!fits(&directory(room + 1)));
        assert!(!fits(Path::new(OsStr::from_bytes(b"/\xff"))));
    }
}
