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
    /// The credentials of this user name and password.
    pub fn new(username: String, password: String) -> Self {
        Self { username, password }
    }

    /// Compares in constant time, so that the duration tells nothing about the credentials.
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

/// The result of [`authenticate`], as data of the request.
#[derive(Clone, Copy)]
struct Authenticated(bool);

/// Checks the credentials of `request` and keeps the result for its operation.
pub(super) fn authenticate(request: &mut Request) -> bool {
    let authenticated = request.data::<Credentials>().is_some_and(|credentials| {
        Basic::from_request(request).is_ok_and(|given| credentials.accept(&given))
    });
    request.set_data(Authenticated(authenticated));
    authenticated
}

fn is_authenticated(request: &Request) -> bool {
    request.data::<Authenticated>().is_some_and(|it| it.0)
}

/// Proof that a request has the credentials.
///
/// It is the first argument of each operation that needs them. Arguments are extracted in order, so
/// that 403 takes precedence over every other error.
#[derive(SecurityScheme)]
#[oai(rename = "simulator", ty = "basic", checker = "check")]
pub(super) struct Authorized(());

async fn check(request: &Request, _given: Basic) -> Option<()> {
    is_authenticated(request).then_some(())
}

/// The origin of a request that needs no credentials: the simulator if it has them nevertheless.
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
