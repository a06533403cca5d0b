//! Runs the programs of an upgrade.

use std::{
    ffi::OsString,
    io::{Read as _, Seek as _},
    path::Path,
};

use child_process::Cancel;

use crate::{binaries::Binaries, error::Error, os_user::OsUser};

/// The programs that `pg_upgrade` needs of the old version, besides `postgres`.
const OLD: [&str; 3] = ["pg_ctl", "pg_controldata", "pg_resetwal"];

/// The programs of the new version, besides `postgres` and `initdb`.
const NEW: [&str; 9] = [
    "pg_upgrade",
    "pg_ctl",
    "pg_controldata",
    "pg_resetwal",
    "pg_dump",
    "pg_dumpall",
    "pg_restore",
    "psql",
    "vacuumdb",
];

/// The lines of a failed program's output that the error contains.
const LINES: usize = 12;

/// Returns [`Error::MissingProgram`] unless both versions have the programs of an upgrade.
pub(super) fn check(old: &Binaries, new: &Binaries) -> Result<(), Error> {
    for (binaries, programs) in [(old, &OLD[..]), (new, &NEW[..])] {
        for &program in programs {
            if !binaries.program(program).is_file() {
                let directory = binaries.directory().to_owned();
                return Err(Error::MissingProgram { program, directory, major: binaries.major() });
            }
        }
    }
    Ok(())
}

/// How to run programs.
pub(super) struct Tools<'a> {
    pub(super) os_user: &'a OsUser,
    /// The working directory.
    pub(super) directory: &'a Path,
    pub(super) cancel: &'a Cancel,
}

impl Tools<'_> {
    /// Runs a program until it ends. Returns [`Error::Tool`] with the end of its output if it fails, and
    /// [`Error::Cancelled`] if the upgrade is cancelled.
    pub(super) fn run(
        &self,
        binaries: &Binaries,
        program: &'static str,
        arguments: &[OsString],
    ) -> Result<(), Error> {
        let path = binaries.program(program);
        let failed = || Error::io("run", &path);
        // A file, because servers that the program starts can keep a pipe open.
        let mut output = tempfile::tempfile().map_err(failed())?;
        let mut command = self.os_user.command(&path, self.directory);
        command.args(arguments);
        command.stdout(output.try_clone().map_err(failed())?);
        command.stderr(output.try_clone().map_err(failed())?);
        let ended = child_process::output(&mut command, self.cancel).map_err(failed())?;
        let status = ended.ok_or(Error::Cancelled)?.status;
        if status.success() {
            return Ok(());
        }
        let mut text = Vec::new();
        output.rewind().and_then(|()| output.read_to_end(&mut text)).map_err(failed())?;
        Err(Error::Tool {
            program,
            status,
            output: last_lines(&String::from_utf8_lossy(&text)),
            directory: self.directory.to_owned(),
        })
    }
}

/// The last lines of an output, in one line.
fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].join("; ")
}
