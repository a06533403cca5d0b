//! The options of a connection, from the URL of a database and the variables `PG*`.

use std::{env, fs, path::Path, str::FromStr};

use super::Failure;
use crate::{
    config::{DatabaseUrl, SYSTEM_ROOTS, Secret, is_inline},
    db::PgConnectOptions,
};

/// Where a local server may have its socket, as the database driver tries them.
const SOCKET_DIRECTORIES: [&str; 3] = ["/var/run/postgresql", "/private/tmp", "/tmp"];
const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// The TLS parameters of a URL, and libpq's variables for them.
const TLS_PARAMETERS: [(&str, &str); 4] = [
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
];

/// Files with the certificate authorities of the system, of Debian, Fedora, Alpine and macOS.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/opt/homebrew/etc/ca-certificates/cert.pem",
];

/// The options of a connection to this database.
///
/// Returns an error that names the setting if a variable is invalid or a file of TLS cannot be read. The
/// driver would ignore an invalid variable, and report a missing file without its name.
pub(super) fn options(url: &DatabaseUrl) -> Result<PgConnectOptions, Failure> {
    if !url.ignored().is_empty() {
        let parameters = url.ignored().join(", ");
        tracing::warn!(
            parameters,
            "parameters of the database's URL are not supported, and ignored"
        );
    }
    check_variables()?;
    let mode = value(url, "sslmode", "PGSSLMODE");
    let system_roots = value(url, "sslrootcert", "PGSSLROOTCERT").as_deref() == Some(SYSTEM_ROOTS);
    if system_roots && mode.as_deref().is_some_and(|mode| mode != "verify-full") {
        return Err("sslrootcert=system requires sslmode=verify-full".into());
    }
    let default_mode = if system_roots { "verify-full" } else { "prefer" };
    let mode = mode.unwrap_or_else(|| default_mode.to_owned());
    check_files(url, &mode)?;
    let text = format!("{}&sslmode={mode}", url.driver_url().expose());
    // The driver's error could contain a part of the URL.
    let options = PgConnectOptions::from_str(&text)
        .map_err(|_| "the database driver does not accept its parameters")?;
    let options = if system_roots { options.ssl_root_cert_from_pem(Vec::new()) } else { options };
    Ok(match url.port_without_host() {
        Some(port) if !is_set("PGHOST") && !is_set("PGHOSTADDR") => default_host(options, port),
        _ => options,
    })
}

/// The driver looks for a local socket of the default port only.
fn default_host(options: PgConnectOptions, port: u16) -> PgConnectOptions {
    let socket = format!(".s.PGSQL.{port}");
    match SOCKET_DIRECTORIES.iter().find(|it| Path::new(it).join(&socket).exists()) {
        Some(directory) => options.host(directory),
        None => options.host("localhost"),
    }
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some()
}

fn check_variables() -> Result<(), Failure> {
    if let Ok(mode) = env::var("PGSSLMODE")
        && !MODES.contains(&mode.to_ascii_lowercase().as_str())
    {
        return Err(format!("PGSSLMODE must be one of {}", MODES.join(", ")).into());
    }
    if let Ok(port) = env::var("PGPORT")
        && !port.parse::<u16>().is_ok_and(|port| port != 0)
    {
        return Err("PGPORT must be one number from 1 to 65535".into());
    }
    let hosts = [env::var("PGHOST"), env::var("PGHOSTADDR")];
    if hosts.into_iter().flatten().any(|host| host.contains(',')) {
        return Err("PGHOST and PGHOSTADDR must name one host: several are not supported".into());
    }
    Ok(())
}

/// A parameter of the URL, or else a variable.
fn value(url: &DatabaseUrl, parameter: &str, variable: &str) -> Option<String> {
    let given = url.parameter(parameter).map(|it| it.expose().to_owned());
    given
        .or_else(|| env::var(variable).ok())
        .map(|it| if parameter == "sslmode" { it.to_ascii_lowercase() } else { it })
}

/// Checks the files that a connection in this mode reads.
fn check_files(url: &DatabaseUrl, mode: &str) -> Result<(), Failure> {
    for (parameter, variable) in TLS_PARAMETERS {
        let is_read = match parameter {
            "sslmode" => false,
            "sslrootcert" => mode.starts_with("verify-"),
            _ => !matches!(mode, "disable" | "allow"),
        };
        let Some(file) = value(url, parameter, variable) else { continue };
        if !is_read || is_inline(&file) || (parameter == "sslrootcert" && file == SYSTEM_ROOTS) {
            continue;
        }
        let text = fs::read(&file)
            .map_err(|error| format!("cannot read {file}, the file of {parameter}: {error}"))?;
        if !text.windows(10).any(|window| window == b"-----BEGIN") {
            return Err(format!("{file}, the file of {parameter}, is not in PEM format").into());
        }
    }
    Ok(())
}

/// The TLS settings of a client program. Older versions know no `system`.
pub(super) fn tls_variables(url: &DatabaseUrl) -> Vec<(&'static str, String)> {
    let bundle = || {
        let given = env::var("SSL_CERT_FILE").ok();
        let found = SYSTEM_BUNDLES.iter().find(|it| Path::new(it).exists());
        given.or_else(|| found.map(ToString::to_string))
    };
    let variable = |(parameter, variable)| {
        let value = url.parameter(parameter).map(Secret::expose)?.to_owned();
        let is_system = parameter == "sslrootcert" && value == SYSTEM_ROOTS;
        Some((variable, if is_system { bundle().unwrap_or(value) } else { value }))
    };
    TLS_PARAMETERS.into_iter().filter_map(variable).collect()
}
