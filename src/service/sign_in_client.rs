//! The client of a sign-in, and what it is recognized by at a later one.

use std::net::IpAddr;

use super::limits::network;
use crate::domain::{BrowserToken, ClientHash};

/// The client of a sign-in.
#[derive(Debug, Clone)]
pub struct SignInClient {
    /// Its address.
    pub address: IpAddr,
    /// The token of the browser's cookie; `None` for other clients.
    pub browser: Option<BrowserToken>,
}

impl SignInClient {
    /// What the client is recognized by: its network and its browser.
    pub(super) fn hashes(&self) -> Vec<ClientHash> {
        let network = ClientHash::of_network(network(self.address));
        let browser = self.browser.as_ref().map(ClientHash::of_browser);
        [network].into_iter().chain(browser).collect()
    }
}
