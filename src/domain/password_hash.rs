//! Hashes of passwords: bcrypt's, and those that imported users bring from their old systems.
//!
//! A hash names the work of its verification. So no value exceeds the bounds below: a hostile hash
//! cannot occupy a worker for long, or its memory. The constraints of the table `users` have the same
//! bounds.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The highest cost of bcrypt; it takes about 5 s.
const BCRYPT_MAX_COST: u32 = 16;
/// The indexes of the last characters of bcrypt's salt and key.
const BCRYPT_SALT_END: usize = 28;
const BCRYPT_KEY_END: usize = 59;
/// The most iterations of PBKDF2; they take about 1 s with SHA-512.
const PBKDF2_MAX_ITERATIONS: u32 = 2_000_000;
/// The bounds of scrypt: 128 · N · r bytes are at most 128 MiB, and a verification takes about 2 s.
const SCRYPT_MAX_LOG_N: u8 = 17;
const SCRYPT_MAX_R: u32 = 8;
const SCRYPT_MAX_P: u32 = 4;
/// werkzeug's scrypt has keys of this length, in bytes.
const SCRYPT_KEY_BYTES: usize = 64;
const WERKZEUG_SALT_MAX_CHARS: usize = 128;

/// The predecessor's PBKDF2, with SHA-1.
const PREDECESSOR_ITERATIONS: u32 = 1_000;
const PREDECESSOR_KEY_BYTES: usize = 70;
const PREDECESSOR_SALT_MAX_BYTES: usize = 513;

/// The reason why a text is no hash that this program verifies. Its text omits the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHash {
    /// No known scheme begins like this text.
    #[error("the password hash has no known scheme")]
    UnknownScheme,
    /// The text does not have the form of its scheme.
    #[error("the password hash does not have the form of its scheme")]
    Malformed,
    /// The verification would take too long or too much memory.
    #[error("the verification of the password hash would take too much time or memory")]
    TooCostly,
}

/// The hash of a password, by its scheme. `Debug` hides it.
#[derive(Clone)]
pub enum PasswordHash {
    /// bcrypt: the hashes that this program makes.
    Bcrypt(Bcrypt),
    /// PBKDF2 as werkzeug writes it: `pbkdf2:sha256:50000$salt$hex`.
    WerkzeugPbkdf2(Pbkdf2),
    /// scrypt as werkzeug writes it: `scrypt:32768:8:1$salt$hex`.
    WerkzeugScrypt(Scrypt),
    /// PBKDF2 as the predecessor stores it: the key and the salt, each in base64.
    PredecessorPbkdf2(Pbkdf2),
}

/// A bcrypt hash in modular crypt format.
#[derive(Clone)]
pub struct Bcrypt(String);

/// A key of PBKDF2-HMAC with its parameters.
#[derive(Clone)]
pub struct Pbkdf2 {
    text: String,
    digest: Digest,
    iterations: u32,
    salt: Vec<u8>,
    key: Vec<u8>,
}

/// A key of scrypt with its parameters.
#[derive(Clone)]
pub struct Scrypt {
    text: String,
    log_n: u8,
    r: u32,
    p: u32,
    salt: String,
    key: Vec<u8>,
}

/// The hash function of a [`Pbkdf2`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl PasswordHash {
    /// Parses a hash that names its scheme: bcrypt's or werkzeug's.
    ///
    /// Returns an error if the scheme is another one, or if the hash exceeds its bounds.
    pub fn parse(text: &str) -> Result<Self, InvalidHash> {
        if text.starts_with("$2") {
            Bcrypt::parse(text).map(Self::Bcrypt)
        } else if text.starts_with("pbkdf2:") {
            Pbkdf2::parse_werkzeug(text).map(Self::WerkzeugPbkdf2)
        } else if text.starts_with("scrypt:") {
            Scrypt::parse(text).map(Self::WerkzeugScrypt)
        } else {
            Err(InvalidHash::UnknownScheme)
        }
    }

    /// Parses the two fields in which the predecessor stores a hash, both in base64: a key of 70 bytes
    /// and its salt.
    ///
    /// Returns an error if either is not.
    pub fn parse_predecessor(key: &str, salt: &str) -> Result<Self, InvalidHash> {
        Pbkdf2::parse_predecessor(key, salt).map(Self::PredecessorPbkdf2)
    }

    /// Parses a hash from the database, where [`PasswordHash::scheme`] and [`PasswordHash::expose`]
    /// are stored.
    pub fn from_stored(scheme: &str, text: &str) -> Result<Self, InvalidHash> {
        let hash = match scheme {
            "predecessor_pbkdf2" => {
                let (salt, key) = text.split_once('$').ok_or(InvalidHash::Malformed)?;
                Self::parse_predecessor(key, salt)?
            }
            _ => Self::parse(text)?,
        };
        if hash.scheme() == scheme { Ok(hash) } else { Err(InvalidHash::Malformed) }
    }

    /// The name of the scheme in the database.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Bcrypt(_) => "bcrypt",
            Self::WerkzeugPbkdf2(_) => "werkzeug_pbkdf2",
            Self::WerkzeugScrypt(_) => "werkzeug_scrypt",
            Self::PredecessorPbkdf2(_) => "predecessor_pbkdf2",
        }
    }

    /// The hash in the form of its scheme, for the database and the hash function only. Two hashes
    /// with the same form are the same.
    pub fn expose(&self) -> &str {
        match self {
            Self::Bcrypt(hash) => &hash.0,
            Self::WerkzeugPbkdf2(hash) | Self::PredecessorPbkdf2(hash) => &hash.text,
            Self::WerkzeugScrypt(hash) => &hash.text,
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordHash({}, …)", self.scheme())
    }
}

impl Bcrypt {
    fn parse(text: &str) -> Result<Self, InvalidHash> {
        let parts: Vec<&str> = text.split('$').collect();
        let ["", "2a" | "2b" | "2x" | "2y", cost, rest] = parts[..] else {
            return Err(InvalidHash::Malformed);
        };
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
        if rest.len() != 53 || !rest.bytes().all(is_base64) || cost.len() != 2 {
            return Err(InvalidHash::Malformed);
        }
        match number(cost)? {
            0..4 => Err(InvalidHash::Malformed),
            4..=BCRYPT_MAX_COST => Ok(Self(text.to_owned())),
            _ => Err(InvalidHash::TooCostly),
        }
    }

    /// The hash, for bcrypt only.
    ///
    /// The last characters of the salt and of the key have more bits than these need. Some programs set
    /// them, and bcrypt's reader expects zeros.
    pub fn expose(&self) -> String {
        const DIGITS: &[u8; 64] =
            b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let without_spare_bits = |(index, character): (usize, char)| {
            let spare = match index {
                BCRYPT_SALT_END => 16,
                BCRYPT_KEY_END => 4,
                _ => return character,
            };
            let value = DIGITS.iter().position(|digit| char::from(*digit) == character);
            value.map_or(character, |value| char::from(DIGITS[value / spare * spare]))
        };
        self.0.chars().enumerate().map(without_spare_bits).collect()
    }
}

impl Pbkdf2 {
    fn parse_werkzeug(text: &str) -> Result<Self, InvalidHash> {
        let (method, salt, key) = werkzeug_parts(text)?;
        let ["pbkdf2", digest, iterations] = method[..] else {
            return Err(InvalidHash::Malformed);
        };
        let (digest, key_bytes) = match digest {
            "sha1" => (Digest::Sha1, 20),
            "sha256" => (Digest::Sha256, 32),
            "sha512" => (Digest::Sha512, 64),
            _ => return Err(InvalidHash::UnknownScheme),
        };
        let iterations = bounded(number(iterations)?, PBKDF2_MAX_ITERATIONS)?;
        if key.len() != key_bytes {
            return Err(InvalidHash::Malformed);
        }
        let text = format!("pbkdf2:{}:{iterations}${salt}${}", method[1], hex(&key));
        Ok(Self { text, digest, iterations, salt: salt.into(), key })
    }

    fn parse_predecessor(key: &str, salt: &str) -> Result<Self, InvalidHash> {
        let salt = base64(salt)?;
        let key = base64(key)?;
        let has_salt = (1..=PREDECESSOR_SALT_MAX_BYTES).contains(&salt.len());
        if key.len() != PREDECESSOR_KEY_BYTES || !has_salt {
            return Err(InvalidHash::Malformed);
        }
        let text = format!("{}${}", STANDARD.encode(&salt), STANDARD.encode(&key));
        Ok(Self { text, digest: Digest::Sha1, iterations: PREDECESSOR_ITERATIONS, salt, key })
    }

    /// The hash function.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The number of iterations.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// The salt.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The derived key, for the comparison only.
    pub fn expose_key(&self) -> &[u8] {
        &self.key
    }
}

impl Scrypt {
    fn parse(text: &str) -> Result<Self, InvalidHash> {
        let (method, salt, key) = werkzeug_parts(text)?;
        let ["scrypt", n, r, p] = method[..] else { return Err(InvalidHash::Malformed) };
        let n = number(n)?;
        if !n.is_power_of_two() || n < 2 || key.len() != SCRYPT_KEY_BYTES {
            return Err(InvalidHash::Malformed);
        }
        let n = bounded(n, 1 << SCRYPT_MAX_LOG_N)?;
        let r = bounded(number(r)?, SCRYPT_MAX_R)?;
        let p = bounded(number(p)?, SCRYPT_MAX_P)?;
        let log_n = (1..=SCRYPT_MAX_LOG_N).find(|log_n| 1 << log_n == n);
        let log_n = log_n.ok_or(InvalidHash::Malformed)?;
        let text = format!("scrypt:{n}:{r}:{p}${salt}${}", hex(&key));
        Ok(Self { text, log_n, r, p, salt: salt.to_owned(), key })
    }

    /// The binary logarithm of the cost N.
    pub fn log_n(&self) -> u8 {
        self.log_n
    }

    /// The size of a block, in units of 128 bytes.
    pub fn r(&self) -> u32 {
        self.r
    }

    /// The number of mixings, one after the other.
    pub fn p(&self) -> u32 {
        self.p
    }

    /// The salt.
    pub fn salt(&self) -> &[u8] {
        self.salt.as_bytes()
    }

    /// The derived key, for the comparison only.
    pub fn expose_key(&self) -> &[u8] {
        &self.key
    }
}

/// The method with its parameters, the salt and the key of a hash of werkzeug.
fn werkzeug_parts(text: &str) -> Result<(Vec<&str>, &str, Vec<u8>), InvalidHash> {
    let parts: Vec<&str> = text.split('$').collect();
    let [method, salt, key] = parts[..] else { return Err(InvalidHash::Malformed) };
    let is_salt = (1..=WERKZEUG_SALT_MAX_CHARS).contains(&salt.len())
        && salt.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_salt {
        return Err(InvalidHash::Malformed);
    }
    Ok((method.split(':').collect(), salt, from_hex(key)?))
}

/// A number without a sign. One that does not fit is [`InvalidHash::TooCostly`].
fn number(digits: &str) -> Result<u32, InvalidHash> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidHash::Malformed);
    }
    digits.parse().map_err(|_| InvalidHash::TooCostly)
}

fn bounded(number: u32, most: u32) -> Result<u32, InvalidHash> {
    match number {
        0 => Err(InvalidHash::Malformed),
        _ if number > most => Err(InvalidHash::TooCostly),
        _ => Ok(number),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Result<Vec<u8>, InvalidHash> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let digits: Option<Vec<u32>> = text.as_bytes().iter().map(digit).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2));
    let digits = digits.ok_or(InvalidHash::Malformed)?;
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]);
    digits.chunks(2).map(byte).collect::<Result<_, _>>().map_err(|_| InvalidHash::Malformed)
}

fn base64(text: &str) -> Result<Vec<u8>, InvalidHash> {
    STANDARD.decode(text.trim_ascii()).map_err(|_| InvalidHash::Malformed)
}

#[cfg(test)]
mod tests;
