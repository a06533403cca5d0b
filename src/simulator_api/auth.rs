//! The simulator's HTTP Basic credentials.

use std::fmt;

use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::{
    SecurityScheme,
    auth::{Basic, BasicAuthorization},
};
use subtle::ConstantTimeEq;

use crate::{http::client::Client, service::Origin};

/// What the simulator has to know. `Debug` hides the password.
#[derive(Clone)]
pub struct Credentials {
    username: String,
    password: String,
}

impl Credentials {
    /// These two.
    #[must_use]
    pub fn new(username: String, password: String) -> Self {
        Self { username, password }
    }

    /// Compares in a time that does not tell how much of them is right.
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

/// Proof that a request carries the credentials. The first argument of every operation that needs
/// them, since arguments are extracted in order and 403 comes before any other failure.
#[derive(SecurityScheme)]
#[oai(rename = "simulator", ty = "basic", checker = "check")]
pub(super) struct Authorized(());

async fn check(request: &Request, given: Basic) -> Option<()> {
    request.data::<Credentials>()?.accept(&given).then_some(())
}

/// Whether `request` carries the credentials.
pub(super) fn is_authorized(request: &Request) -> bool {
    let Some(credentials) = request.data::<Credentials>() else { return false };
    Basic::from_request(request).is_ok_and(|given| credentials.accept(&given))
}

/// Who sent a request that needs no credentials: the simulator if they come with it all the same.
pub(super) struct Sender(pub(super) Origin);

impl<'a> FromRequest<'a> for Sender {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        if is_authorized(request) {
            return Ok(Self(Origin::Simulator));
        }
        let client = Client::from_request(request, body).await?;
        Ok(Self(Origin::Address(client.address)))
    }
}
