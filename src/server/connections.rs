//! Serves poem endpoints over the connections of `listener`.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use listener::{ConnectionLimits, Shutdown};
use poem::{
    Endpoint, Request, Response,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use tokio::net::TcpListener;

/// Serves `endpoint` until `shutdown` stops, then the requests in flight, for at most
/// `stop_timeout`. Peers that `exempt` selects have no limit per address.
pub async fn serve(
    listener: TcpListener,
    limits: ConnectionLimits,
    endpoint: impl Endpoint<Output = Response> + 'static,
    shutdown: &Shutdown,
    stop_timeout: Duration,
    exempt: impl Fn(IpAddr) -> bool,
) {
    let endpoint = Arc::new(endpoint);
    let handler = move |request, peer: SocketAddr| {
        let endpoint = Arc::clone(&endpoint);
        let peer = RemoteAddr(peer.into());
        let request = Request::from((request, LocalAddr::default(), peer, Scheme::HTTP));
        async move { endpoint.get_response(request).await.into() }
    };
    listener::serve(listener, limits, handler, shutdown, stop_timeout, exempt).await;
}
