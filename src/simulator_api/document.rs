//! The OpenAPI document and its routes.

use std::sync::LazyLock;

use poem_openapi::{ExternalDocumentObject, OpenApiService};

use super::{
    follows::FollowsApi, latest::LatestApi, messages::MessagesApi, registration::RegistrationApi,
};
use crate::http::{openapi, routes::Routes};

/// The path of this API on the main listening address.
pub const PREFIX: &str = "/sim";

type Apis = (LatestApi, RegistrationApi, MessagesApi, FollowsApi);

pub(super) fn openapi_service() -> OpenApiService<Apis, ()> {
    let apis = (LatestApi, RegistrationApi, MessagesApi, FollowsApi);
    OpenApiService::new(apis, "MiniTwit simulator API", env!("CARGO_PKG_VERSION"))
        .description(
            "The contract between MiniTwit and its simulator. Each request may have the parameter \
             `latest`, the number of the simulator's command. Every error is a JSON object with a \
             status and a text.",
        )
        .license(openapi::license())
        .contact(openapi::contact())
        .external_document(
            ExternalDocumentObject::new("/docs?api=simulator").description("Swagger UI"),
        )
        .server(PREFIX)
}

/// The OpenAPI document, as JSON with a line break at its end.
pub fn document() -> String {
    openapi::document(&openapi_service().spec(), &[], |document| {
        // Exactly one of its fields is required, which poem-openapi cannot express.
        if let Some(change) = document.pointer_mut("/components/schemas/FollowChange") {
            change["minProperties"] = 1.into();
        }
    })
}

pub(super) static ROUTES: LazyLock<Routes> = LazyLock::new(|| Routes::of(&document(), PREFIX));

/// The route template of a matched pattern.
pub fn route_template(pattern: &str) -> String {
    ROUTES.template(pattern)
}
