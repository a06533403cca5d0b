//! The names of the parameters in a URL's query.

/// A parameter that is passed to the database driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parameter {
    SslMode,
    SslRootCert,
    SslCert,
    SslKey,
    StatementCacheCapacity,
    ApplicationName,
    Options,
    /// `options[NAME]`.
    Option(String),
}

impl Parameter {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "sslmode" | "ssl-mode" => Self::SslMode,
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => Self::SslRootCert,
            "sslcert" | "ssl-cert" => Self::SslCert,
            "sslkey" | "ssl-key" => Self::SslKey,
            "statement-cache-capacity" => Self::StatementCacheCapacity,
            "application_name" => Self::ApplicationName,
            "options" => Self::Options,
            _ => Self::Option(option_name(name)?.to_owned()),
        })
    }

    /// The driver's name.
    pub(super) fn name(&self) -> String {
        match self {
            Self::SslMode => "sslmode".to_owned(),
            Self::SslRootCert => "sslrootcert".to_owned(),
            Self::SslCert => "sslcert".to_owned(),
            Self::SslKey => "sslkey".to_owned(),
            Self::StatementCacheCapacity => "statement-cache-capacity".to_owned(),
            Self::ApplicationName => "application_name".to_owned(),
            Self::Options => "options".to_owned(),
            Self::Option(name) => format!("options[{name}]"),
        }
    }
}

fn option_name(name: &str) -> Option<&str> {
    let name = name.strip_prefix("options[")?.strip_suffix(']')?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    (!name.is_empty() && name.chars().all(is_part)).then_some(name)
}

pub(super) const SSL_MODES: &[&str] =
    &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// libpq's parameters that MiniTwit ignores. It warns of them by name.
pub(super) const IGNORED: &[&str] = &[
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkeylogfile",
    "sslnegotiation",
    "sslpassword",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
];
