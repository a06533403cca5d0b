//! Tokens that authenticate a user: session tokens, and bearer tokens of the API. A third kind only
//! recognizes a browser. The database stores only their hashes.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::{one_line_text::one_line_text, scope::Scopes};

const TOKEN_BYTES: usize = 32;
/// The prefix of bearer tokens, which lets people and secret scanners recognize them.
const API_TOKEN_PREFIX: &str = "minitwit_";

/// The error of a text that is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed token")]
pub struct InvalidToken;

/// The token of a session, which the browser stores in a cookie: 256 random bits. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken([u8; TOKEN_BYTES]);

impl SessionToken {
    /// Creates a token from bytes of a cryptographically secure random source.
    pub const fn new(bytes: [u8; TOKEN_BYTES]) -> Self {
        Self(bytes)
    }

    /// The token as text: 43 characters of URL-safe base64.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The hash that the database stores.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl FromStr for SessionToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        decode(text).map(Self)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// A bearer token: 256 random bits. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiToken([u8; TOKEN_BYTES]);

impl ApiToken {
    /// Creates a token from bytes of a cryptographically secure random source.
    pub const fn new(bytes: [u8; TOKEN_BYTES]) -> Self {
        Self(bytes)
    }

    /// The token as text: `minitwit_` and 43 characters of URL-safe base64.
    pub fn expose(&self) -> String {
        format!("{API_TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// The hash that the database stores.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl FromStr for ApiToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        decode(text.strip_prefix(API_TOKEN_PREFIX).ok_or(InvalidToken)?).map(Self)
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken(…)")
    }
}

/// The token by which a browser is recognized at a later sign-in: 256 random bits. It authenticates
/// no user. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserToken([u8; TOKEN_BYTES]);

impl BrowserToken {
    /// Creates a token from bytes of a cryptographically secure random source.
    pub const fn new(bytes: [u8; TOKEN_BYTES]) -> Self {
        Self(bytes)
    }

    /// The token as text: 43 characters of URL-safe base64.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl FromStr for BrowserToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        decode(text).map(Self)
    }
}

impl fmt::Debug for BrowserToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserToken(…)")
    }
}

/// The SHA-256 of what a client is recognized by: its browser's token, or its network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHash([u8; 32]);

impl ClientHash {
    /// The hash of a browser.
    pub fn of_browser(token: &BrowserToken) -> Self {
        Self(Sha256::digest(token.0).into())
    }

    /// The hash of a network, given by its address. Its input has another length than a token.
    pub fn of_network(network: IpAddr) -> Self {
        Self(Sha256::digest(network.to_string()).into())
    }

    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn decode(text: &str) -> Result<[u8; TOKEN_BYTES], InvalidToken> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidToken)?;
    bytes.try_into().map_err(|_| InvalidToken)
}

/// The SHA-256 of a token. Random secrets need no slow hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    fn of(token: &[u8; TOKEN_BYTES]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

one_line_text! {
    /// The owner's name for a bearer token: 1 to 64 characters.
    TokenName, "name"
}

/// The id of a bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenId(pub i64);

/// A token to create.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The owner's name for it.
    pub name: TokenName,
    /// What it permits.
    pub scopes: Scopes,
    /// How long it is valid.
    pub lifetime: Duration,
}

/// A bearer token without its secret, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// The id.
    pub id: TokenId,
    /// The owner's name for it.
    pub name: TokenName,
    /// When it was created, UTC.
    pub created_at: OffsetDateTime,
    /// When it expires, UTC.
    pub expires_at: OffsetDateTime,
    /// What it permits.
    pub scopes: Scopes,
    /// When it was last used, UTC, up to a minute ago; `None` if it was never used.
    pub last_used_at: Option<OffsetDateTime>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_token_is_parsed_from_its_text_and_hidden_by_debug() {
        let token = SessionToken::new([7; 32]);
        assert_eq!(token.expose().parse(), Ok(token.clone()));
        assert_ne!(token.hash().as_bytes(), &[7; 32]);
        assert!(!format!("{token:?}").contains(&token.expose()));
        for bad in ["", "x", "%%%", &"A".repeat(42), &"A".repeat(44)] {
            assert_eq!(bad.parse::<SessionToken>(), Err(InvalidToken), "{bad}");
        }
    }

    #[test]
    fn an_api_token_is_parsed_from_its_text_and_is_not_a_session_token() {
        let token = ApiToken::new([7; 32]);
        let text = token.expose();
        assert_eq!(text.parse(), Ok(token.clone()));
        assert!(text.starts_with("minitwit_") && !format!("{token:?}").contains(&text[9..]));
        assert_eq!(text.parse::<SessionToken>(), Err(InvalidToken));
        for bad in ["", "minitwit_", &text[9..], &format!("{text}A"), &text.to_uppercase()] {
            assert_eq!(bad.parse::<ApiToken>(), Err(InvalidToken), "{bad}");
        }
    }

    #[test]
    fn a_token_name_has_1_to_64_characters_on_one_line() {
        for name in ["a", "my bot 🤖", &"é".repeat(64)] {
            assert_eq!(TokenName::parse(name).expect(name).as_str(), name);
        }
        for (name, rule) in [
            ("", "empty"),
            ("a ", "white space"),
            ("a\tb", "control"),
            ("\u{feff}", "empty"),
            ("a\u{200b}", "invisible"),
            (&"é".repeat(65), "64 characters"),
        ] {
            let error = TokenName::parse(name).expect_err(name);
            assert!(error.rule().contains(rule), "{name:?}: {error}");
        }
    }
}
