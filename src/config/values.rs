//! Types of settings, and their parsers.

use std::{fmt, fs::File, io::Read, net::IpAddr, time::Duration};

use ipnet::IpNet;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The maximum size of a secret file, in bytes, so that reading a device ends.
const LARGEST_SECRET: u64 = 4096;

/// A value that `Debug` hides.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Returns the value.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Reads a secret from a file, as orchestrators mount them; a trailing line break is removed.
///
/// # Errors
/// Returns an error if the file cannot be read, is empty, or exceeds 4,096 bytes.
pub(super) fn secret_file(name: &str) -> Result<Secret, String> {
    let mut text = String::new();
    File::open(name)
        .and_then(|file| file.take(LARGEST_SECRET + 1).read_to_string(&mut text))
        .map_err(|error| error.to_string())?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err("the file is empty".to_owned()),
        _ if text.len() as u64 > LARGEST_SECRET => Err("the file is too large".to_owned()),
        secret => Ok(secret.into()),
    }
}

/// Parses a positive number of seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds.into())),
        _ => Err("must be a whole number of seconds, at least 1".to_owned()),
    }
}

/// Parses at least 5 seconds. With a shorter time, a short pause of the machine would look like a hang.
pub(super) fn seconds_from_five(text: &str) -> Result<Duration, String> {
    let seconds = seconds(text)?;
    if seconds < Duration::from_secs(5) {
        return Err("must be at least 5 seconds".to_owned());
    }
    Ok(seconds)
}

/// A list of networks; a single address is a network of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(pub Vec<IpNet>);

/// Parses networks separated by commas; the error names the wrong item.
pub(super) fn networks(list: &str) -> Result<Networks, String> {
    let network = |item: &str| {
        let address = item.parse::<IpAddr>().map(IpNet::from);
        item.parse::<IpNet>().or(address).map_err(|_| {
            format!("{item:?} is neither an IP address nor a network such as 10.0.0.0/8")
        })
    };
    let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(network).collect::<Result<_, _>>().map(Networks)
}

/// A URI at which people can be reached; `None` if there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact(pub Option<String>);

/// Parses an e-mail address, or a URI that RFC 9116 allows; an empty text is none.
pub(super) fn contact(text: &str) -> Result<Contact, String> {
    let is_uri = ["mailto:", "https://", "tel:"].iter().any(|scheme| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    let is_address = text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains([':', '/'])
    });
    match text {
        "" => Ok(Contact(None)),
        _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err("must consist of visible ASCII characters".to_owned())
        }
        uri if is_uri => Ok(Contact(Some(uri.to_owned()))),
        address if is_address => Ok(Contact(Some(format!("mailto:{address}")))),
        _ => Err("must be an e-mail address, or a mailto:, https: or tel: URI".to_owned()),
    }
}

/// Parses a time of RFC 3339.
pub(super) fn time(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "must be a time with its zone, such as 2026-11-27T10:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_an_address_or_a_uri() {
        for (text, uri) in [
            ("security@example.org", "mailto:security@example.org"),
            ("mailto:security@example.org", "mailto:security@example.org"),
            ("https://example.org/security", "https://example.org/security"),
            ("tel:+1-201-555-0123", "tel:+1-201-555-0123"),
        ] {
            assert_eq!(contact(text), Ok(Contact(Some(uri.to_owned()))));
        }
        assert_eq!(contact(""), Ok(Contact(None)));
        for wrong in [
            "nonsense",
            "@",
            "a@",
            "http://example.org",
            "javascript:a@b",
            "a@b\nContact: x",
            "a b@c",
            "é@b",
        ] {
            assert!(contact(wrong).is_err(), "{wrong}");
        }
    }
}
