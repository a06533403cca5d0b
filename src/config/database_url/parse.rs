//! Parses a URL as libpq does, but rejects what libpq and other programs read differently.

use std::net::{IpAddr, Ipv6Addr};

use percent_encoding::percent_decode_str;

use super::{
    DatabaseUrl, Host, SYSTEM_ROOTS, UrlError,
    parameter::{IGNORED, Parameter, SSL_MODES},
};
use crate::config::values::Secret;

/// The longest scheme that an error shows.
const LONGEST_SCHEME: usize = 20;

impl DatabaseUrl {
    /// Parses a URL. White space around it is ignored: a file or a variable may end with a line feed.
    ///
    /// Returns an error if the URL is malformed, ambiguous or not of PostgreSQL.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        url(text)
    }
}

fn url(text: &str) -> Result<DatabaseUrl, UrlError> {
    let rest = after_scheme(text.trim())?;
    check_characters(rest)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    check_place_of_at(authority, tail)?;
    let mut url = DatabaseUrl::default();
    let server = match authority.split_once('@') {
        Some((user, server)) => {
            read_user(user, &mut url)?;
            server
        }
        None => authority,
    };
    read_server(server, &mut url)?;
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let database = decode(path.strip_prefix('/').unwrap_or(path))?;
    url.database = Some(database).filter(|it| !it.is_empty());
    read_query(query, &mut url)?;
    check_system_roots(&mut url)?;
    Ok(url)
}

fn after_scheme(text: &str) -> Result<&str, UrlError> {
    if text.is_empty() {
        return Err(UrlError::Empty);
    }
    if text.starts_with(['"', '\'']) {
        return Err(UrlError::Quoted);
    }
    if is_key_value(text) {
        return Err(UrlError::KeyValue);
    }
    let (scheme, rest) = text.split_once("://").ok_or(UrlError::NoScheme)?;
    if ["postgres", "postgresql"].iter().any(|it| scheme.eq_ignore_ascii_case(it)) {
        return Ok(rest);
    }
    let plain = scheme.strip_prefix("jdbc:").unwrap_or(scheme);
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if !plain.is_empty() && plain.len() <= LONGEST_SCHEME && plain.chars().all(is_part) {
        return Err(UrlError::OtherScheme(scheme.to_owned()));
    }
    Err(UrlError::NoScheme)
}

/// Whether the text begins as `host=…` does.
fn is_key_value(text: &str) -> bool {
    let name = text.split_once('=').map_or("", |(name, _)| name.trim_end());
    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

fn check_characters(rest: &str) -> Result<(), UrlError> {
    let raw = |character, code| Err(UrlError::RawCharacter { character, code });
    if rest.contains('#') {
        return raw("#", "%23");
    }
    if rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return raw("space or control character", "%20 (a space)");
    }
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = rest.as_bytes();
    let mut percents = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    if percents.any(|(place, _)| !is_hex(bytes.get(place + 1)) || !is_hex(bytes.get(place + 2))) {
        return if is_zone(rest) { Err(UrlError::ZoneId) } else { raw("%", "%25") };
    }
    Ok(())
}

/// Whether the raw % is that of `[fe80::1%eth0]`.
fn is_zone(rest: &str) -> bool {
    let server = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
    let inner = server.strip_prefix('[').and_then(|it| it.split_once('%'));
    inner.is_some_and(|(address, _)| address.parse::<Ipv6Addr>().is_ok())
}

/// A second @, or one after a `/` or `?`, shows that a password has a raw special character.
fn check_place_of_at(authority: &str, tail: &str) -> Result<(), UrlError> {
    let raw = |character, code| Err(UrlError::RawCharacter { character, code });
    if authority.matches('@').count() > 1 {
        return raw("@", "%40");
    }
    match (tail.contains('@'), authority.contains('@')) {
        (false, _) => Ok(()),
        (true, true) => raw("@", "%40"),
        (true, false) if tail.starts_with('/') => raw("/ or @", "%2F or %40"),
        (true, false) => raw("? or @", "%3F or %40"),
    }
}

fn decode(text: &str) -> Result<String, UrlError> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| UrlError::Decoding)?;
    if decoded.contains('\0') { Err(UrlError::Nul) } else { Ok(decoded.into_owned()) }
}

fn read_user(text: &str, url: &mut DatabaseUrl) -> Result<(), UrlError> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(decode(password)?)),
        None => (text, None),
    };
    url.user = Some(decode(user)?).filter(|it| !it.is_empty());
    let password = password.filter(|it| !it.is_empty());
    url.password = password.map(|it| Secret::from(it.as_str()));
    Ok(())
}

fn read_server(text: &str, url: &mut DatabaseUrl) -> Result<(), UrlError> {
    if text.contains(',') {
        return Err(UrlError::SeveralHosts);
    }
    let (host, port) = if let Some(bracketed) = text.strip_prefix('[') {
        let (address, after) = bracketed.split_once(']').ok_or(UrlError::Brackets)?;
        if address.contains('%') {
            return Err(UrlError::ZoneId);
        }
        address.parse::<Ipv6Addr>().map_err(|_| UrlError::Brackets)?;
        let port = match after.strip_prefix(':') {
            Some(port) => port,
            None if after.is_empty() => "",
            None => return Err(UrlError::Brackets),
        };
        (Some(Host::Name(address.to_owned())), port)
    } else {
        if text.matches(':').count() > 1 {
            return Err(UrlError::Colons);
        }
        let (name, port) = text.split_once(':').unwrap_or((text, ""));
        (host(&decode(name)?)?, port)
    };
    url.host = host;
    url.port = if port.is_empty() { None } else { Some(read_port(port)?) };
    Ok(())
}

/// The host with this decoded name; `None` for an empty one, which stands for the default.
fn host(name: &str) -> Result<Option<Host>, UrlError> {
    if name.contains(',') {
        return Err(UrlError::SeveralHosts);
    }
    if name.starts_with('/') {
        return Ok(Some(Host::Socket(name.into())));
    }
    if name.parse::<IpAddr>().is_err() {
        if name.split_once('%').is_some_and(|(address, _)| address.parse::<Ipv6Addr>().is_ok()) {
            return Err(UrlError::ZoneId);
        }
        let is_wrong =
            |c: char| c.is_whitespace() || c.is_control() || "/\\@[]:%?#\"'<>".contains(c);
        if name.chars().any(is_wrong) {
            return Err(UrlError::Host);
        }
    }
    Ok(Some(Host::Name(name.to_owned())).filter(|_| !name.is_empty()))
}

fn read_port(text: &str) -> Result<u16, UrlError> {
    // `parse` would accept a plus sign.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| is_number && *port != 0);
    port.ok_or(if text.contains(',') { UrlError::SeveralHosts } else { UrlError::Port })
}

fn read_query(query: &str, url: &mut DatabaseUrl) -> Result<(), UrlError> {
    let mut after_secret = false;
    for (item, number) in query.split('&').zip(1..).filter(|(item, _)| !item.is_empty()) {
        let (name, value) = item.split_once('=').ok_or(UrlError::NoValue(number))?;
        let (name, value) = (decode(name)?, decode(value)?);
        if !read_parameter(&name, &value, url)? {
            // A raw & in a secret makes its rest look like a parameter.
            let is_word = name.len() <= 40
                && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-.".contains(&it));
            return Err(if is_word && !after_secret {
                UrlError::UnknownParameter(name)
            } else {
                UrlError::UnknownParameterAt(number)
            });
        }
        after_secret |= matches!(name.as_str(), "password" | "sslpassword" | "sslkey" | "options");
    }
    Ok(())
}

/// Takes a parameter; false if its name is unknown.
fn read_parameter(name: &str, value: &str, url: &mut DatabaseUrl) -> Result<bool, UrlError> {
    let given = || Some(value.to_owned()).filter(|it| !it.is_empty());
    match name {
        "host" => url.host = host(value)?,
        "hostaddr" => {
            let is_address = value.parse::<IpAddr>().is_ok();
            if !is_address && !value.contains(',') {
                return Err(UrlError::Value { name: "hostaddr", values: "an IP address" });
            }
            url.host = host(value)?;
        }
        "port" if value.is_empty() => url.port = None,
        "port" => url.port = Some(read_port(value)?),
        "user" => url.user = given(),
        "password" => url.password = given().map(|it| Secret::from(it.as_str())),
        "dbname" => url.database = given(),
        // The spelling of JDBC, which libpq accepts.
        "ssl" if value == "true" => url.parameters.push((Parameter::SslMode, "require".into())),
        "ssl" => return Err(UrlError::Value { name: "ssl", values: "true" }),
        name if IGNORED.contains(&name) => url.ignored.push(name.to_owned()),
        name => {
            let Some(parameter) = Parameter::parse(name) else { return Ok(false) };
            let value = checked(&parameter, value)?;
            url.parameters.push((parameter, value.as_str().into()));
        }
    }
    Ok(true)
}

fn checked(parameter: &Parameter, value: &str) -> Result<String, UrlError> {
    match parameter {
        Parameter::SslMode => {
            let mode = value.to_ascii_lowercase();
            let values = "disable, allow, prefer, require, verify-ca or verify-full";
            let is_mode = SSL_MODES.contains(&mode.as_str());
            if is_mode { Ok(mode) } else { Err(UrlError::Value { name: "sslmode", values }) }
        }
        Parameter::StatementCacheCapacity if value.parse::<u32>().is_err() => {
            Err(UrlError::Value { name: "statement-cache-capacity", values: "a number" })
        }
        _ => Ok(value.to_owned()),
    }
}

/// Makes `verify-full` the default mode with the system's authorities, as libpq does.
fn check_system_roots(url: &mut DatabaseUrl) -> Result<(), UrlError> {
    if url.parameter("sslrootcert").is_none_or(|it| it.expose() != SYSTEM_ROOTS) {
        return Ok(());
    }
    match url.parameter("sslmode").map(Secret::expose) {
        None => url.parameters.push((Parameter::SslMode, "verify-full".into())),
        Some("verify-full") => {}
        Some(_) => return Err(UrlError::WeakSystemRoots),
    }
    Ok(())
}
