//! The number of the command that arrived last.

use poem::web::Data;
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json, types::Example};

use super::{
    error::{Failure, failures},
    tags::Tag,
};
use crate::service::Service;

/// The command that arrived last.
#[derive(Debug, Object)]
#[oai(example)]
struct Latest {
    /// The number of the command; -1 if none has arrived.
    latest: i64,
}

impl Example for Latest {
    fn example() -> Self {
        Self { latest: 1337 }
    }
}

#[derive(ApiResponse)]
enum LatestResponse {
    /// The number of the command that arrived last, the same on every replica.
    #[oai(status = 200)]
    Ok(Json<Latest>),
}

failures! {
    ReadLatest = [];
}

pub(super) struct LatestApi;

#[OpenApi(tag = "Tag::Simulator")]
impl LatestApi {
    /// Read the latest command number
    ///
    /// Returns the number of the command that arrived last, or -1. Requires no credentials.
    #[oai(path = "/latest", method = "get", operation_id = "getLatest")]
    async fn read(&self, service: Data<&Service>) -> Result<LatestResponse, Failure<ReadLatest>> {
        let latest = service.latest().await?;
        Ok(LatestResponse::Ok(Json(Latest { latest })))
    }
}
