//! The error codes of the JSON API.

use poem::{Response, Result, handler, web::Data};

use crate::{
    http::error_entry::ErrorCatalogue,
    web::{extract::session::Viewer, failure::Failure, pages::ErrorCodesPage, respond::Responder},
};

#[handler]
pub async fn show(
    Viewer(viewer): Viewer,
    catalogue: Data<&ErrorCatalogue>,
    responder: Responder,
) -> Result<Response, Failure> {
    let ErrorCatalogue(codes) = **catalogue;
    responder.page(&ErrorCodesPage { frame: responder.frame(viewer.as_ref()), codes })
}
