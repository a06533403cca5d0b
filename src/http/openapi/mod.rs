//! Shared parts of the OpenAPI documents: their final form, their error responses, and the page that
//! shows them.

mod document;
mod error_responses;
mod swagger_ui;

use std::sync::Arc;

use poem::{Endpoint, Response, endpoint::make};
use poem_openapi::{ContactObject, LicenseObject};

pub use document::{document, with_session_cookie};
pub use error_responses::{DocumentedError, error_responses};
pub use swagger_ui::{Documented, swagger_ui};

use super::representation::Representation;

/// The path of a document, relative to the prefix of its API.
pub const DOCUMENT_PATH: &str = "/openapi.json";

/// The licence of the documents and of the program.
pub fn license() -> LicenseObject {
    LicenseObject::new("MIT").url("https://opensource.org/license/mit")
}

/// Where readers of a document can try the API and ask. The operator of the server is unknown, so it
/// is a page of the server.
pub fn contact() -> ContactObject {
    ContactObject::new().name("MiniTwit").url("/docs")
}

/// A document, compressed once.
pub fn document_representation(document: String) -> Representation {
    Representation::new("application/json", document)
}

/// Serves a document.
pub fn document_endpoint(document: String) -> impl Endpoint<Output = Response> {
    let representation = Arc::new(document_representation(document));
    make(move |request| {
        let representation = Arc::clone(&representation);
        async move { representation.revalidated(request.headers()) }
    })
}

/// Implements `Type` for a type whose schema is a number or a string.
macro_rules! documented_type {
    ($type:ty, $name:literal, $schema:expr) => {
        impl poem_openapi::types::Type for $type {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Inline(Box::new($schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
    };
}

pub(crate) use documented_type;
