//! Why a URL is rejected. The texts contain no value of the URL.

/// A URL that names no database of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// There is no text.
    #[error("it is empty; write postgres://user:password@host:5432/database, or unset it")]
    Empty,
    /// It is not UTF-8.
    #[error("it is not UTF-8; percent-encode its bytes")]
    NotUtf8,
    /// It is in quotation marks, which a shell would have removed.
    #[error("it begins with a quotation mark; remove the quotation marks")]
    Quoted,
    /// It is a connection string of libpq.
    #[error(
        "key=value strings are not supported; write postgres://user:password@host:5432/database"
    )]
    KeyValue,
    /// It has no scheme.
    #[error("it does not begin with postgres://")]
    NoScheme,
    /// It is of another system.
    #[error("the scheme {0}:// is not supported; it must be postgres:// or postgresql://")]
    OtherScheme(String),
    /// A character has a meaning of its own.
    #[error(
        "it has a raw {character} where one is not allowed; in a user name, a password or any other \
         part, percent-encode it as {code}"
    )]
    RawCharacter {
        /// How to call the character.
        character: &'static str,
        /// Its percent-encoding.
        code: &'static str,
    },
    /// Decoded bytes are not UTF-8.
    #[error(
        "a percent-encoded part is not UTF-8; percent-encode a raw % in a user name or password as \
         %25"
    )]
    Decoding,
    /// A part contains the character that ends texts in the protocol.
    #[error("a part contains the character %00, which PostgreSQL does not allow")]
    Nul,
    /// There are several hosts or ports.
    #[error(
        "several hosts (separated by commas) are not supported; name one host, such as that of a \
         proxy or the name that follows the primary server"
    )]
    SeveralHosts,
    /// An IPv6 address has a zone.
    #[error("zone ids of IPv6 addresses (%eth0) are not supported; use a name or a global address")]
    ZoneId,
    /// Brackets hold no IPv6 address.
    #[error("the brackets of the host must hold an IPv6 address, such as [::1]:5432")]
    Brackets,
    /// There is more than one colon.
    #[error(
        "the host has several colons; put an IPv6 address into brackets, such as [::1]:5432, and \
         percent-encode a colon in a user name as %3A"
    )]
    Colons,
    /// The host cannot be one.
    #[error(
        "the host must be a name, an IP address, or the percent-encoded directory of a socket; \
         percent-encode special characters in the user name and the password"
    )]
    Host,
    /// The port is no port.
    #[error(
        "the port must be a number from 1 to 65535; percent-encode special characters in the user \
         name and the password"
    )]
    Port,
    /// A parameter has no value.
    #[error("parameter {0} has no = sign; percent-encode a raw & in a value as %26")]
    NoValue(usize),
    /// Neither libpq nor MiniTwit has this parameter.
    #[error("the parameter {0} is unknown; check its spelling")]
    UnknownParameter(String),
    /// The name of an unknown parameter may be a part of a secret.
    #[error(
        "parameter {0} is unknown; check its spelling, and percent-encode a raw & in a value as %26"
    )]
    UnknownParameterAt(usize),
    /// A parameter has none of its values.
    #[error("the value of the parameter {name} must be {values}")]
    Value {
        /// Its name.
        name: &'static str,
        /// The possible values.
        values: &'static str,
    },
    /// A mode that does not check the server's name would trust every certificate of the system's
    /// authorities.
    #[error("sslrootcert=system requires sslmode=verify-full")]
    WeakSystemRoots,
}
