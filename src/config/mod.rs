//! Every setting, typed: a flag, an environment variable and a safe default.
//!
//! Imports no other module of MiniTwit. `docs/reference/configuration.md` lists the settings.
//!
//! An invalid value stops the program at start, with the setting's name. Secrets have no printable form.

mod accounts;
mod backup;
mod cli;
mod credentials;
mod database;
mod database_url;
mod export;
mod healthcheck;
mod import;
mod limits;
mod log;
mod moderation;
mod postgres;
mod production;
mod rates;
mod reads;
#[cfg(feature = "seed")]
mod seed;
mod serve;
#[cfg(feature = "simulate")]
mod simulate;
mod upgrade;
mod values;

pub use accounts::{AccountArgs, PasswordArgs};
pub use backup::{
    BackupArgs, DrillArgs, RepositoryArgs, RestoreArgs, SecretFile, StorageArgs, UnsafeRepository,
};
pub use cli::{ApiName, Cli, Command, MigrateArgs};
pub use credentials::SimulatorCredentialArgs;
pub use database::{DatabaseArgs, PoolArgs};
pub use database_url::{DatabaseUrl, SYSTEM_ROOTS, UrlError, is_inline};
pub use export::ExportArgs;
pub use healthcheck::HealthcheckArgs;
pub use import::{ImportArgs, ImportSource};
pub use limits::LimitArgs;
pub use log::{LogArgs, LogFormat};
pub use moderation::{MessageArgs, MessageCommand, UserArgs, UserCommand};
pub use postgres::{Options, PostgresArgs, ScheduleArgs};
pub use production::ImplicitSecrets;
pub use rates::RateArgs;
pub use reads::ReadArgs;
#[cfg(feature = "seed")]
pub use seed::SeedArgs;
pub use serve::{AddressArgs, ServeArgs};
#[cfg(feature = "simulate")]
pub use simulate::{PaceArgs, Ramp, SimulateArgs, SimulateTask, SourceArgs, VerifyArgs};
pub use upgrade::UpgradeArgs;
pub use values::{Contact, Networks, Secret};

#[cfg(test)]
mod tests;
