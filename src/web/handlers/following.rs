//! Following and unfollowing.

use poem::{Response, Result, handler, web::Data};

use crate::service::Service;
use crate::web::{
    extract::path::PathName, extract::session::SignedIn, failure::Failure, flash::Flash,
    links::profile_path, respond::Responder,
};

#[handler]
pub async fn follow(
    SignedIn(viewer): SignedIn,
    PathName(followee): PathName,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    service.follow_as(viewer, followee.clone()).await?;
    let flash = Flash::Followed(followee.to_string());
    Ok(responder.redirect_with(&profile_path(&followee), flash))
}

#[handler]
pub async fn unfollow(
    SignedIn(viewer): SignedIn,
    PathName(followee): PathName,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    service.unfollow_as(viewer, followee.clone()).await?;
    let flash = Flash::Unfollowed(followee.to_string());
    Ok(responder.redirect_with(&profile_path(&followee), flash))
}
