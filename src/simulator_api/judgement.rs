//! The order of judgement: the credentials (403), the user in the path (404), then the body and its
//! type.
//!
//! The body of a request is parsed before the database is asked for the user, so that a valid request
//! takes one statement. A request with a wrong body takes another one here.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use poem::http::StatusCode;

use super::{error::ErrorResponse, params::existing_user};
use crate::service::Service;

/// What the path of a request requires besides its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subject<'a> {
    /// The user in the path, percent-encoded.
    user: Option<&'a str>,
    needs_credentials: bool,
}

impl<'a> Subject<'a> {
    pub(super) fn of(path: &'a str) -> Self {
        let mut segments = path.split('/').skip(1);
        let needs_credentials = matches!(segments.next(), Some("msgs" | "fllws"));
        Self { user: segments.next().filter(|_| needs_credentials), needs_credentials }
    }

    /// The response to a request that was rejected with `response` before its operation ran.
    pub(super) async fn judge(
        self,
        service: &Service,
        authenticated: bool,
        response: ErrorResponse,
    ) -> ErrorResponse {
        if !is_about_body(response.status) || !self.needs_credentials {
            return response;
        }
        if !authenticated {
            return ErrorResponse::unauthorized();
        }
        match self.user {
            Some(user) => {
                let user: Cow<'_, str> = percent_decode_str(user).decode_utf8_lossy();
                user_first(service, &user, response).await
            }
            None => response,
        }
    }
}

/// `response`, unless it is about the body and the user in the path does not exist.
pub(super) async fn user_first(
    service: &Service,
    username: &str,
    response: ErrorResponse,
) -> ErrorResponse {
    if !is_about_body(response.status) {
        return response;
    }
    match existing_user(username) {
        Ok(user) => match service.require_user(&user).await {
            Ok(()) => response,
            Err(error) => error.into(),
        },
        Err(unknown) => unknown,
    }
}

fn is_about_body(status: StatusCode) -> bool {
    [
        StatusCode::BAD_REQUEST,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
    ]
    .contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_of_a_path_is_its_user() {
        for (path, user, needs_credentials) in [
            ("/msgs/ann", Some("ann"), true),
            ("/fllws/a%2Fb", Some("a%2Fb"), true),
            ("/msgs", None, true),
            ("/register", None, false),
            ("/latest", None, false),
            ("/", None, false),
            ("", None, false),
        ] {
            assert_eq!(Subject::of(path), Subject { user, needs_credentials }, "{path}");
        }
    }
}
