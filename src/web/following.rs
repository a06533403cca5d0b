//! Following and unfollowing.

use poem::{Response, Result, handler, web::Data};

use super::{
    failure::Failure,
    flash::Flash,
    paths::{PathName, profile_path},
    respond::Responder,
    session::SignedIn,
};
use crate::service::Service;

/// Follows the user whose path it is.
#[handler]
pub(super) async fn follow(
    SignedIn(viewer): SignedIn,
    PathName(followee): PathName,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    service.follow(viewer.username, followee.clone()).await?;
    let flash = Flash::Followed(followee.to_string());
    Ok(responder.redirect_with(&profile_path(&followee), flash))
}

/// Follows the user whose path it is no longer.
#[handler]
pub(super) async fn unfollow(
    SignedIn(viewer): SignedIn,
    PathName(followee): PathName,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    service.unfollow(viewer.username, followee.clone()).await?;
    let flash = Flash::Unfollowed(followee.to_string());
    Ok(responder.redirect_with(&profile_path(&followee), flash))
}
