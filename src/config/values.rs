//! Types of settings, and their parsers.

use std::{fmt, fs::File, io::Read, net::IpAddr, time::Duration};

use ipnet::IpNet;

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
