//! Variables of PostgreSQL's clients in the environment of this process.

use std::{env, ffi::OsString, io, os::unix::process::CommandExt as _, process::Command};

/// All variables of libpq begin with it, and so do those of PostgreSQL's programs.
const PREFIX: &[u8] = b"PG";

/// Replaces this process by the same program without variables that begin with `PG`. Returns if there
/// are none.
///
/// sqlx reads some of these variables for each connection, and offers no way to ignore them. They are
/// meant for other servers: `PGOPTIONS` would change the settings of connections to this one. The
/// process keeps its id. Call it before the program has started threads or opened files.
///
/// Returns an error if the program cannot be executed again.
pub fn restart_without_client_variables() -> io::Result<()> {
    let is_client_variable = |name: &OsString| name.as_encoded_bytes().starts_with(PREFIX);
    let names: Vec<OsString> =
        env::vars_os().map(|(name, _)| name).filter(is_client_variable).collect();
    if names.is_empty() {
        return Ok(());
    }
    let mut arguments = env::args_os();
    let mut command = Command::new(env::current_exe()?);
    command.arg0(arguments.next().unwrap_or_default()).args(arguments);
    for name in names {
        command.env_remove(name);
    }
    Err(command.exec())
}
