//! The error codes of the API, with their statuses and explanations. No other file defines one.
//!
//! A code never changes its name, status or meaning. `docs/reference/errors.md` lists all codes.

use crate::http::error_entry::ErrorEntry;

macro_rules! codes {
    ($(
        $variant:ident = $code:literal $status:literal:
            $title:literal, $detail:literal,
            cause: $cause:literal,
            remedy: $remedy:literal;
    )*) => {
        /// The code of an error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Code {
            $($variant,)*
        }

        /// The entries, in the order of [`Code`].
        static ENTRIES: &[ErrorEntry] = &[$(ErrorEntry {
            code: $code,
            status: $status,
            title: $title,
            detail: $detail,
            cause: $cause,
            remedy: $remedy,
        },)*];
    };
}

// In the order of the statuses. The texts are plain text, without markup.
codes! {
    MalformedJson = "malformed-json" 400:
        "The body is not well-formed JSON", "The body must be well-formed JSON",
        cause: "The body does not parse as JSON, or its encoding is not UTF-8.",
        remedy: "Serialize the body with a JSON library, in UTF-8 and without a byte order mark.";
    UnreadableBody = "unreadable-body" 400:
        "The body is incomplete", "The request's body could not be read",
        cause: "The connection ended before the whole body arrived, or a chunk of the body is malformed.",
        remedy: "Send the request again. If this happens repeatedly, check the proxies on the way.";
    InvalidHost = "invalid-host" 400:
        "The host is not clear", "The request must have one valid Host header",
        cause: "The request has no header Host, more than one, or one that is not a host.",
        remedy: "Let the HTTP library set the header Host.";
    TokenRequired = "token-required" 401:
        "A bearer token is required", "This operation requires a bearer token",
        cause: "The request has no header Authorization, and the operation requires one.",
        remedy: "Create a token with POST /api/v1/tokens or on the settings page, and send it as \
            Authorization: Bearer TOKEN.";
    InvalidToken = "invalid-token" 401:
        "The bearer token is not valid", "The bearer token is unknown, expired or revoked",
        cause: "The token is misspelled, expired or revoked, or its account is disabled or deleted. \
            A change of the password revokes all tokens.",
        remedy: "Create a new token. An operation that requires no token accepts the request without \
            the header Authorization.";
    WrongCredentials = "wrong-credentials" 401:
        "The credentials are wrong", "The username or the password is wrong",
        cause: "No user has this username, or the password is not that of the user.",
        remedy: "Check both. An operator can reset a forgotten password.";
    WrongPassword = "wrong-password" 403:
        "The password is wrong", "The password is wrong",
        cause: "The operation requires the current password of the account, and the given one differs.",
        remedy: "Ask the user for the password again. A new token does not help.";
    NotYours = "not-yours" 403:
        "The resource belongs to another user", "This is not yours to change",
        cause: "The message or account belongs to another user than the token.",
        remedy: "Use a token of the owner.";
    AccountDisabled = "account-disabled" 403:
        "The account is disabled", "This account is disabled",
        cause: "The username and the password are right, and an operator has disabled the account.",
        remedy: "Ask the operator of the server.";
    InsufficientScope = "insufficient-scope" 403:
        "The token does not permit the request",
        "The bearer token lacks the scope write",
        cause: "The token was created without a scope that the operation requires. The detail names \
            the missing scopes, and the header WWW-Authenticate names the required ones.",
        remedy: "Create a token with this scope, with POST /api/v1/tokens or on the settings page. If \
            the operation works without a token, sending none suffices.";
    UnknownPath = "unknown-path" 404:
        "No operation has this path", "There is no resource at this path",
        cause: "The path is misspelled, or a value in it is not percent-encoded or not of the right type.",
        remedy: "Compare the path with the OpenAPI document, /api/v1/openapi.json.";
    UnknownUser = "unknown-user" 404:
        "The user does not exist", "There is no user named Roger Histand",
        cause: "No user has this username, or the account was deleted.",
        remedy: "Check the spelling, including upper and lower case, and the percent-encoding.";
    UnknownMessage = "unknown-message" 404:
        "The message does not exist", "There is no such message",
        cause: "No message has this id, or the message was deleted, or an operator has hidden it.",
        remedy: "Remove the message from the list that the client shows.";
    UnknownToken = "unknown-token" 404:
        "The token does not exist", "You have no such token",
        cause: "None of the caller's tokens has this id. An expired or revoked token counts as deleted.",
        remedy: "List the tokens with GET /api/v1/tokens.";
    MethodNotAllowed = "method-not-allowed" 405:
        "The path does not support the method", "This path does not support the method of the request",
        cause: "An operation has this path, but not with this method.",
        remedy: "Use a method that the header Allow of the response names.";
    BodyTimeout = "body-timeout" 408:
        "The body did not arrive in time", "The request's body did not arrive in time",
        cause: "The body took longer than the setting --body-timeout allows.",
        remedy: "Send the request again over a faster connection.";
    UsernameTaken = "username-taken" 409:
        "The username is taken", "The username is already taken",
        cause: "Another user has this username. Of concurrent requests for one name, one succeeds.",
        remedy: "Choose another username.";
    BodyTooLarge = "body-too-large" 413:
        "The body is too large", "The request's body is too large",
        cause: "The body is larger than the setting --body-limit allows.",
        remedy: "Send a smaller body. No valid request needs more.";
    UnsupportedMediaType = "unsupported-media-type" 415:
        "The media type of the body is not supported",
        "The Content-Type must be application/json",
        cause: "The header Content-Type is missing or names another media type than application/json, \
            or the header Content-Encoding names a coding.",
        remedy: "Send the header Content-Type: application/json with every body, and no compressed body.";
    InvalidFields = "invalid-fields" 422:
        "Some fields are invalid", "email: You have to enter a valid email address",
        cause: "Fields of the body, parameters or headers violate a rule. The list errors names all of \
            them, each with its rule.",
        remedy: "Show each rule beside its field, and send the request again with other values.";
    IdempotencyKeyReused = "idempotency-key-reused" 422:
        "The idempotency key was used for another request", "This key was used for another request",
        cause: "Within the last 24 hours, the caller sent another request, with another body, with this \
            Idempotency-Key. The server posted the message of that request only.",
        remedy: "Use a new key, such as a UUID, for each new message, and the same key only to repeat \
            the same request.";
    RateLimited = "rate-limited" 429:
        "The rate limit is exceeded", "That was too often; try again in 12 s",
        cause: "The account or the client's address has sent too many requests of this kind.",
        remedy: "Wait for the number of seconds in the header Retry-After, then send the request again.";
    InternalError = "internal-error" 500:
        "The server failed", "Internal Server Error (request 41d8cd98f00b204e)",
        cause: "A defect of the server or of its database. The server logs the cause under the request id.",
        remedy: "Report the request id to the operator. A retry fails in most cases.";
    Unavailable = "unavailable" 503:
        "The server is temporarily unavailable", "The service is temporarily unavailable",
        cause: "The server is overloaded or about to stop, it has its maximum of streams, or its \
            database does not respond.",
        remedy: "Wait for the number of seconds in the header Retry-After, then send the request again, \
            with random delays that grow.";
}

/// For operations that require a token.
pub(super) const TOKEN: &[Code] =
    &[Code::TokenRequired, Code::InvalidToken, Code::InsufficientScope];
/// For operations that require a token with any scope.
pub(super) const ANY_TOKEN: &[Code] = &[Code::TokenRequired, Code::InvalidToken];
/// For operations that accept a token.
pub(super) const OPTIONAL_TOKEN: &[Code] = &[Code::InvalidToken, Code::InsufficientScope];
/// For operations with a JSON body.
pub(super) const BODY: &[Code] = &[
    Code::MalformedJson,
    Code::UnreadableBody,
    Code::BodyTimeout,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
];
/// For every operation.
pub(super) const ALWAYS: &[Code] = &[Code::InternalError, Code::Unavailable];

impl Code {
    pub(super) fn entry(self) -> &'static ErrorEntry {
        // The macro generates one entry for each variant, in the same order.
        &ENTRIES[self as usize]
    }
}

/// All error codes, in the order of their statuses.
pub fn error_codes() -> &'static [ErrorEntry] {
    ENTRIES
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_sorted_by_status_and_in_kebab_case() {
        let codes: BTreeSet<&str> = ENTRIES.iter().map(|entry| entry.code).collect();
        assert_eq!(codes.len(), ENTRIES.len());
        assert!(ENTRIES.is_sorted_by_key(|entry| entry.status));
        for entry in ENTRIES {
            let words = entry.code.split('-');
            let is_word =
                |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
            assert!(words.clone().all(is_word), "{}", entry.code);
            for text in [entry.title, entry.detail, entry.cause, entry.remedy] {
                assert!(text.len() > 10 && !text.contains(['<', '`', '|']), "{text}");
            }
            assert!(entry.cause.ends_with('.') && entry.remedy.ends_with('.'), "{}", entry.code);
        }
    }

    #[test]
    fn a_code_has_its_own_entry() {
        assert_eq!(Code::MalformedJson.entry().code, "malformed-json");
        assert_eq!(Code::InvalidFields.entry().code, "invalid-fields");
        assert_eq!(Code::Unavailable.entry().code, "unavailable");
    }
}
