//! Judges the user in the path before the rest of the request: 404 takes precedence over 400 and 415.
//!
//! A valid request needs no statement for that, because its own statement finds the user. So only
//! a refused request looks the user up.

use poem::http::StatusCode;

use super::{error::ErrorResponse, params::existing_user};
use crate::service::Service;

/// Returns the response to a request that `refusal` refuses: 404 if the user in the path does not
/// exist, otherwise `refusal`.
pub(super) async fn user_first(
    service: &Service,
    username: &str,
    refusal: ErrorResponse,
) -> ErrorResponse {
    let is_about_the_rest =
        [StatusCode::BAD_REQUEST, StatusCode::UNSUPPORTED_MEDIA_TYPE].contains(&refusal.status);
    if !is_about_the_rest {
        return refusal;
    }
    match find(service, username).await {
        Ok(()) => refusal,
        Err(response) => response,
    }
}

/// Returns an error if the user does not exist, or cannot be looked up.
async fn find(service: &Service, username: &str) -> Result<(), ErrorResponse> {
    service.newest_of(existing_user(username)?, 0).await?;
    Ok(())
}
