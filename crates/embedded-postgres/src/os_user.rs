//! The account that runs PostgreSQL: that of this process, or an unprivileged one if this process
//! is root. PostgreSQL does not run as root.

use std::{
    env, io,
    os::unix::{fs::lchown, process::CommandExt as _},
    path::Path,
    process::{Command, Stdio},
};

use nix::unistd::{Gid, Uid, User, geteuid};

use crate::error::Error;

/// The accounts that root tries without `--postgres-user`.
const DEFAULTS: [&str; 2] = ["postgres", "nobody"];

/// The user and the group of a file.
pub(crate) type Owner = (Uid, Gid);

/// The account that runs PostgreSQL, if it differs from that of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The numeric user id.
    pub uid: u32,
    /// The numeric group id.
    pub gid: u32,
}

/// The owner of PostgreSQL's processes and files.
#[derive(Debug, Clone)]
pub(crate) struct OsUser {
    name: String,
    /// The account to switch to; `None` if it is that of this process.
    switch_to: Option<Owner>,
}

impl OsUser {
    /// Selects the account. For root it is the named one, or the `owner` of the existing cluster, or
    /// a default.
    pub(crate) fn choose(named: Option<&str>, owner: Option<Owner>) -> Result<Self, Error> {
        if geteuid().is_root() { Self::for_root(named, owner) } else { Self::own(named) }
    }

    fn own(named: Option<&str>) -> Result<Self, Error> {
        if let Some(name) = named
            && find(name)?.is_none_or(|user| user.uid != geteuid())
        {
            return Err(invalid(name, "only root can run PostgreSQL as another user"));
        }
        Ok(Self { name: named.unwrap_or("this user").to_owned(), switch_to: None })
    }

    fn for_root(named: Option<&str>, owner: Option<Owner>) -> Result<Self, Error> {
        let owner = owner.filter(|(uid, _)| !uid.is_root());
        let Some(name) = named else {
            return match owner {
                Some(owner) => Ok(Self { name: owner.0.to_string(), switch_to: Some(owner) }),
                None => default_user().map(Self::of),
            };
        };
        let user = find(name)?.ok_or_else(|| invalid(name, "there is no such account"))?;
        if user.uid.is_root() {
            return Err(invalid(name, "PostgreSQL does not run as root"));
        }
        if owner.is_some_and(|(uid, _)| uid != user.uid) {
            return Err(invalid(name, "the existing data belongs to another account"));
        }
        Ok(Self::of(user))
    }

    fn of(user: User) -> Self {
        Self { name: user.name, switch_to: Some((user.uid, user.gid)) }
    }

    /// The account to switch to; `None` if it is that of this process.
    pub(crate) fn account(&self) -> Option<Account> {
        let (uid, gid) = self.switch_to?;
        Some(Account { uid: uid.as_raw(), gid: gid.as_raw() })
    }

    /// A command that runs as this account, with only PATH and LC_ALL in its environment. The
    /// server needs none of this process's secrets, and its `PG…` and `LC_…` variables must not
    /// affect the server.
    pub(crate) fn command(&self, program: &Path, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
        // The messages must be English; on macOS the server does not start without a locale.
        command.env("LC_ALL", "C");
        command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null());
        if let Some((uid, gid)) = self.switch_to {
            // This also drops root's supplementary groups.
            command.gid(gid.as_raw()).uid(uid.as_raw());
        }
        command
    }

    /// Makes this account the owner of `path` itself, not of its contents or a link's target.
    pub(crate) fn make_owner_of(&self, path: &Path) -> Result<(), Error> {
        let Some((uid, gid)) = self.switch_to else { return Ok(()) };
        lchown(path, Some(uid.as_raw()), Some(gid.as_raw()))
            .map_err(Error::io("change the owner of", path))
    }

    /// The mode of a directory that belongs to this process and that the account must enter.
    pub(crate) fn directory_mode(&self) -> u32 {
        if self.switch_to.is_some() { 0o711 } else { 0o700 }
    }

    /// Returns [`Error::Unreachable`] with the outermost blocking directory if this account cannot
    /// enter the existing `directory`.
    pub(crate) fn check_can_enter(&self, directory: &Path) -> Result<(), Error> {
        if self.can_enter(directory) {
            return Ok(());
        }
        // The target of a link blocks, not the link.
        let real = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        let outermost_first = real.ancestors().collect::<Vec<_>>().into_iter().rev();
        let blocking = outermost_first
            .map(Path::to_owned)
            .find(|ancestor| !self.can_enter(ancestor))
            .unwrap_or_else(|| real.clone());
        Err(Error::Unreachable { user: self.name.clone(), blocking })
    }

    /// Runs a command in `directory`, since only the kernel knows all modes, groups and access
    /// lists. The command changes its user before its directory.
    pub(crate) fn can_enter(&self, directory: &Path) -> bool {
        if self.switch_to.is_none() {
            return true;
        }
        let status = self.command(Path::new("/bin/sh"), directory).args(["-c", ":"]).status();
        !status.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }
}

fn default_user() -> Result<User, Error> {
    for name in DEFAULTS {
        if let Some(user) = find(name)? {
            return Ok(user);
        }
    }
    Err(Error::NoAccount)
}

fn find(name: &str) -> Result<Option<User>, Error> {
    User::from_name(name)
        .map_err(io::Error::from)
        .map_err(Error::io("look up the account", Path::new(name)))
}

fn invalid(name: &str, reason: &str) -> Error {
    Error::InvalidUser { name: name.to_owned(), reason: reason.to_owned() }
}
