//! What `--production` asks of the other settings: no secret may be a default, since every default is
//! known to all.

use super::{ServeArgs, credentials::WELL_KNOWN_PASSWORD};

/// Secrets that are not set, although `--production` is.
#[derive(Debug, thiserror::Error)]
#[error("--production (MINITWIT_PRODUCTION): every secret must be set, and these are not: {}", .0.join("; "))]
pub struct ImplicitSecrets(Vec<&'static str>);

impl ServeArgs {
    /// Checks what `--production` asks for, if it is set.
    ///
    /// The database counts as a secret: its URL holds a password, and without one the data would be
    /// in this machine's, or this container's, own directory.
    ///
    /// # Errors
    /// Which secrets are not set.
    pub fn check_production(&self) -> Result<(), ImplicitSecrets> {
        let credentials = &self.credentials;
        let password_is_set = credentials.simulator_password.is_some()
            || credentials.simulator_password_file.is_some();
        let secrets = [
            (self.database.database_url.is_some(), "--database-url (DATABASE_URL)"),
            (
                password_is_set,
                "--simulator-password (MINITWIT_SIMULATOR_PASSWORD) or --simulator-password-file",
            ),
        ];
        let missing = secrets.into_iter().filter(|(is_set, _)| self.production && !is_set);
        match missing.map(|(_, name)| name).collect::<Vec<_>>() {
            none if none.is_empty() => Ok(()),
            missing => Err(ImplicitSecrets(missing)),
        }
    }

    /// Whether the simulator's password is the contract's in production, where it keeps nobody out.
    #[must_use]
    pub fn has_well_known_password(&self) -> bool {
        self.production && self.credentials.password().expose() == WELL_KNOWN_PASSWORD
    }
}
