//! Single requests, to check that a load measures what it should.

use minitwit::seed::PASSWORD;
use reqwest::{Client, Response, header, redirect::Policy};
use tokio::runtime::Runtime;

use crate::Failure;

/// The response to a GET request.
pub struct PageResponse {
    pub status: u16,
    pub headers: header::HeaderMap,
    pub body: Vec<u8>,
}

/// A client that follows no redirects.
pub struct Http {
    runtime: Runtime,
    client: Client,
}

impl Http {
    pub fn new() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, client: Client::builder().redirect(Policy::none()).build()? })
    }

    /// Sends a GET request, with a session cookie if given.
    pub fn get(&self, address: &str, path: &str, cookie: &str) -> Result<PageResponse, Failure> {
        let request = self.client.get(format!("http://{address}{path}"));
        self.runtime.block_on(async {
            let response = request.header(header::COOKIE, cookie).send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok(PageResponse { status, headers, body: response.bytes().await?.to_vec() })
        })
    }

    /// Signs a seeded user in and returns the session cookie.
    pub fn sign_in(&self, address: &str, username: &str) -> Result<String, Failure> {
        let form = [("username", username), ("password", PASSWORD)];
        let request = self.client.post(format!("http://{address}/login")).form(&form);
        let response: Response = self.runtime.block_on(request.send())?;
        let cookies = response.headers().get_all(header::SET_COOKIE);
        let cookies = cookies.iter().filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
        // Each instance has its own name, which contains "session"; the name of the marks does not.
        let session = cookies.into_iter().find(|cookie| cookie.contains("session"));
        Ok(session.ok_or("a seeded user cannot sign in")?.to_owned())
    }
}
