//! What `--production` requires: every secret must be set, because the defaults are public, and new
//! passwords have a minimum length.

use super::{ServeArgs, credentials::WELL_KNOWN_PASSWORD, values::Secret};

/// The minimum length of passwords that NIST SP 800-63B requires of those that users choose.
const PRODUCTION_PASSWORD_MINIMUM: u8 = 8;

/// Secrets that are not set although `--production` is.
#[derive(Debug, thiserror::Error)]
#[error("--production (MINITWIT_PRODUCTION): every secret must be set, and these are not: {}", .0.join("; "))]
pub struct ImplicitSecrets(Vec<&'static str>);

impl ServeArgs {
    /// Returns an error that names the secrets that `--production` requires and that are not set.
    ///
    /// The database URL counts as a secret, because it may contain a password. Without it, the container
    /// would store the data.
    pub fn check_production(&self) -> Result<(), ImplicitSecrets> {
        let credentials = &self.credentials;
        // Compose passes an unset variable as an empty one.
        let is_set = |password: &Option<Secret>| {
            password.as_ref().is_some_and(|password| !password.expose().is_empty())
        };
        let password_is_set =
            is_set(&credentials.simulator_password) || is_set(&credentials.simulator_password_file);
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

    /// The minimum number of characters of new passwords.
    #[must_use]
    pub fn password_minimum(&self) -> u8 {
        let default = if self.production { PRODUCTION_PASSWORD_MINIMUM } else { 1 };
        self.accounts.password_minimum.unwrap_or(default)
    }

    /// Returns true in production if the simulator's password is the contract's public one.
    #[must_use]
    pub fn has_well_known_password(&self) -> bool {
        self.production && self.credentials.password().expose() == WELL_KNOWN_PASSWORD
    }
}
