//! The account that PostgreSQL runs as: our own, or an unprivileged one if we are root, as which
//! PostgreSQL refuses to run.

use std::{
    env, io,
    os::unix::{fs::lchown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::unistd::{Gid, Uid, User, geteuid};

use super::error::Error;

/// The accounts that root tries when the operator names none.
const DEFAULTS: [&str; 2] = ["postgres", "nobody"];

/// The user and the group that a file belongs to.
pub(super) type Owner = (Uid, Gid);

/// Whom PostgreSQL's processes and files belong to.
#[derive(Debug, Clone)]
pub(super) struct OsUser {
    name: String,
    /// Whom to change to; `None` where we already are that os_user.
    change_to: Option<Owner>,
}

impl OsUser {
    /// The account to use, which for root is the named one, else the `owner` of the existing
    /// cluster, else a default.
    pub(super) fn choose(named: Option<&str>, owner: Option<Owner>) -> Result<Self, Error> {
        if geteuid().is_root() { Self::for_root(named, owner) } else { Self::own(named) }
    }

    fn own(named: Option<&str>) -> Result<Self, Error> {
        if let Some(name) = named
            && user(name)?.is_none_or(|user| user.uid != geteuid())
        {
            return Err(wrong(name, "only root can run PostgreSQL as another user"));
        }
        Ok(Self { name: named.unwrap_or("this user").to_owned(), change_to: None })
    }

    fn for_root(named: Option<&str>, owner: Option<Owner>) -> Result<Self, Error> {
        let owner = owner.filter(|(uid, _)| !uid.is_root());
        let Some(name) = named else {
            return match owner {
                Some(owner) => Ok(Self { name: owner.0.to_string(), change_to: Some(owner) }),
                None => default_user().map(Self::of),
            };
        };
        let user = user(name)?.ok_or_else(|| wrong(name, "there is no such account"))?;
        if user.uid.is_root() {
            return Err(wrong(name, "PostgreSQL does not run as root"));
        }
        if owner.is_some_and(|(uid, _)| uid != user.uid) {
            return Err(wrong(name, "the existing data belongs to another account"));
        }
        Ok(Self::of(user))
    }

    fn of(user: User) -> Self {
        Self { name: user.name, change_to: Some((user.uid, user.gid)) }
    }

    /// A command that runs as this os_user. Its environment is empty but for PATH: the server
    /// needs none of our secrets, and neither `PG…` nor `LC_…` variables may change it.
    pub(super) fn command(&self, program: &Path, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
        // English messages; and on macOS a server without any locale refuses to start.
        command.env("LC_ALL", "C");
        command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null());
        if let Some((uid, gid)) = self.change_to {
            // This drops root's supplementary groups, too.
            command.gid(gid.as_raw()).uid(uid.as_raw());
        }
        command
    }

    /// Gives `path` itself, not what is in it or what it links to, to this os_user.
    pub(super) fn give(&self, path: &Path) -> Result<(), Error> {
        let Some((uid, gid)) = self.change_to else { return Ok(()) };
        lchown(path, Some(uid.as_raw()), Some(gid.as_raw()))
            .map_err(Error::io("change the owner of", path))
    }

    /// The mode of a directory of ours that this account must be able to enter.
    pub(super) fn entered_mode(&self) -> u32 {
        if self.change_to.is_some() { 0o711 } else { 0o700 }
    }

    /// Checks that this account can enter the existing `directory`.
    ///
    /// # Errors
    /// [`Error::Unreachable`] with the outermost directory that it cannot enter.
    pub(super) fn check_enters(&self, directory: &Path) -> Result<(), Error> {
        if self.enters(directory) {
            return Ok(());
        }
        // Without links, since it is their target that blocks.
        let real = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        let outermost_first = real.ancestors().collect::<Vec<_>>().into_iter().rev();
        let blocking = outermost_first
            .map(Path::to_owned)
            .find(|ancestor| !self.enters(ancestor))
            .unwrap_or_else(|| real.clone());
        Err(Error::Unreachable { user: self.name.clone(), blocking })
    }

    /// Asks the kernel, which alone knows modes, groups and access lists: a command changes its
    /// user before its directory.
    pub(super) fn enters(&self, directory: &Path) -> bool {
        if self.change_to.is_none() {
            return true;
        }
        let status = self.command(Path::new("/bin/sh"), directory).args(["-c", ":"]).status();
        !status.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }
}

fn default_user() -> Result<User, Error> {
    for name in DEFAULTS {
        if let Some(user) = user(name)? {
            return Ok(user);
        }
    }
    Err(Error::NoAccount)
}

fn user(name: &str) -> Result<Option<User>, Error> {
    User::from_name(name)
        .map_err(io::Error::from)
        .map_err(Error::io("look up the account", &PathBuf::from(name)))
}

fn wrong(name: &str, reason: &str) -> Error {
    Error::WrongUserSetting { name: name.to_owned(), reason: reason.to_owned() }
}
