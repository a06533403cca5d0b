//! The URL of a database, parsed once, at the edge.
//!
//! No text of this module contains a value of the URL: a part that looks like a host may belong to a
//! password with a raw special character. Errors name the setting, the part and the rule.

mod error;
mod parameter;
mod parse;

use std::{
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
};

use clap::{
    Arg, Command,
    builder::{TypedValueParser, ValueParserFactory},
    error::ErrorKind,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

pub use self::error::UrlError;
use self::parameter::Parameter;
use super::values::Secret;

/// The value of `sslrootcert` for the certificate authorities of the operating system.
pub const SYSTEM_ROOTS: &str = "system";

/// Where a server listens.
#[derive(Clone, PartialEq, Eq)]
enum Host {
    /// A name or an IP address, without brackets.
    Name(String),
    /// The directory of a Unix socket.
    Socket(PathBuf),
}

/// A database and how to connect to it. Its printable forms omit all secrets.
#[derive(Clone, Default)]
pub struct DatabaseUrl {
    host: Option<Host>,
    port: Option<u16>,
    user: Option<String>,
    password: Option<Secret>,
    database: Option<String>,
    /// The other supported parameters. A value may be a secret, such as a private key.
    parameters: Vec<(Parameter, Secret)>,
    ignored: Vec<String>,
}

impl DatabaseUrl {
    /// The password, decoded.
    pub fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// The names of libpq's parameters in the URL that MiniTwit does not support.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The last value of a TLS parameter or `options`, under libpq's name for it.
    pub fn parameter(&self, name: &str) -> Option<&Secret> {
        let is_named = |(parameter, _): &&(Parameter, Secret)| parameter.name() == name;
        self.parameters.iter().rev().find(is_named).map(|(_, value)| value)
    }

    /// Whether `sslrootcert` is [`SYSTEM_ROOTS`].
    pub fn has_system_roots(&self) -> bool {
        self.parameter("sslrootcert").is_some_and(|value| value.expose() == SYSTEM_ROOTS)
    }

    /// The port, if the URL names one but no host.
    pub fn port_without_host(&self) -> Option<u16> {
        self.port.filter(|_| self.host.is_none())
    }

    /// The same database in the form that the database driver reads: each part is a parameter, because
    /// the driver misreads IPv6 addresses, and users without hosts, in the authority.
    pub fn driver_url(&self) -> Secret {
        let host = self.host.as_ref().map(|host| match host {
            Host::Name(name) => name.clone(),
            Host::Socket(directory) => directory.display().to_string(),
        });
        let parts = [
            ("host", host),
            ("port", self.port.map(|port| port.to_string())),
            ("user", self.user.clone()),
            ("password", self.password.as_ref().map(|it| it.expose().to_owned())),
            ("dbname", self.database.clone()),
        ];
        let parts = parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        // The driver would look for a file named "system". Without a file, it uses the system's roots.
        let is_file = |(parameter, value): &&(Parameter, Secret)| {
            parameter.name() != "sslrootcert" || value.expose() != SYSTEM_ROOTS
        };
        let parameters = self.parameters.iter().filter(is_file);
        let parameters =
            parameters.map(|(name, value)| (name.name().to_owned(), value.expose().to_owned()));
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let query = parts.chain(parameters);
        let query = query.map(|(name, value)| format!("{}={}", encode(&name), encode(&value)));
        Secret::from(format!("postgres:?{}", query.collect::<Vec<_>>().join("&")).as_str())
    }
}

/// The files of a URL's TLS parameters; a value may also be the text of a certificate or key.
pub fn is_inline(value: &str) -> bool {
    value.trim_start().starts_with("-----BEGIN")
}

/// Where the database is: without user, password and parameters.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(Host::Name(name)) => f.write_str(name)?,
            Some(Host::Socket(directory)) => write!(f, "{}", Path::new(directory).display())?,
            None => f.write_str("the default host")?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ", port {port}"))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// Parses the setting. clap's own errors would print the value.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseUrlParser;

impl TypedValueParser for DatabaseUrlParser {
    type Value = DatabaseUrl;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<DatabaseUrl, clap::Error> {
        let parsed = value.to_str().ok_or(UrlError::NotUtf8).and_then(DatabaseUrl::parse);
        parsed.map_err(|error| {
            let flag = argument.and_then(Arg::get_long).map(|name| format!("--{name}"));
            let flag = flag.as_deref().unwrap_or("<URL>");
            let variable = argument.and_then(Arg::get_env).unwrap_or_default().display();
            let message = format!("invalid {flag} ({variable}): {error}");
            command.clone().error(ErrorKind::ValueValidation, message)
        })
    }
}

impl ValueParserFactory for DatabaseUrl {
    type Parser = DatabaseUrlParser;

    fn value_parser() -> DatabaseUrlParser {
        DatabaseUrlParser
    }
}

#[cfg(test)]
mod tests;
