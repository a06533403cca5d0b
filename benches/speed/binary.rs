//! The `minitwit` binary: commands without this process's settings, and seeding.

use std::process::Command;

use minitwit::seed::Volume;

use crate::Failure;

/// The release build.
const PROGRAM: &str = env!("CARGO_BIN_EXE_minitwit");

/// A command without the settings of this process's environment.
pub fn minitwit() -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("MINITWIT_") || text == "DATABASE_URL" {
            command.env_remove(&name);
        }
    }
    command
}

/// Fills a database and shows the progress.
pub fn seed(url: &str, volume: Volume) -> Result<(), Failure> {
    let Volume { users, messages, follows, seed } = volume;
    let numbers = [
        format!("--users={users}"),
        format!("--messages={messages}"),
        format!("--follows={follows}"),
        format!("--seed={seed}"),
    ];
    let status =
        minitwit().args(["seed", "--yes", "--database-url", url]).args(numbers).status()?;
    if status.success() { Ok(()) } else { Err("minitwit seed failed".into()) }
}
