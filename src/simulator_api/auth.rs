//! The simulator's HTTP Basic credentials.

use std::fmt;

use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::{
    SecurityScheme,
    auth::{Basic, BasicAuthorization},
};
use subtle::ConstantTimeEq;

use crate::{http::client::Client, service::Origin};

/// The credentials of the simulator. `Debug` hides the password.
#[derive(Clone)]
pub struct Credentials {
    username: String,
    password: String,
}

impl Credentials {
    /// The credentials that requests must have.
    pub fn new(username: String, password: String) -> Self {
        Self { username, password }
    }

    /// Compares in constant time, so that the duration reveals nothing about the credentials.
    fn accept(&self, given: &Basic) -> bool {
        let username = self.username.as_bytes().ct_eq(given.username.as_bytes());
        let password = self.password.as_bytes().ct_eq(given.password.as_bytes());
        (username & password).into()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The result of [`authenticate`], an extension of the request.
#[derive(Clone, Copy)]
struct Authenticated(bool);

/// Checks the credentials of `request` and stores the result in its extensions.
pub(super) fn authenticate(request: &mut Request) -> bool {
    let authenticated = request.data::<Credentials>().is_some_and(|credentials| {
        Basic::from_request(request).is_ok_and(|given| credentials.accept(&given))
    });
    request.set_data(Authenticated(authenticated));
    authenticated
}

pub(super) fn is_authenticated(request: &Request) -> bool {
    request.data::<Authenticated>().is_some_and(|it| it.0)
}

// The first argument of each operation that requires credentials. poem extracts arguments in order, so
// 403 takes precedence over every other error. The doc comment is the description in the document.
/// The simulator's user name and password.
#[derive(SecurityScheme)]
#[oai(rename = "simulator", ty = "basic", checker = "check")]
pub(super) struct Authorized(());

async fn check(request: &Request, _given: Basic) -> Option<()> {
    is_authenticated(request).then_some(())
}

/// The origin of a request for which credentials are optional.
pub(super) struct RequestOrigin(pub(super) Origin);

impl<'a> FromRequest<'a> for RequestOrigin {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        if is_authenticated(request) {
            return Ok(Self(Origin::Simulator));
        }
        let client = Client::from_request(request, body).await?;
        Ok(Self(Origin::Address(client.address)))
    }
}
