//! Serving connections: HTTP/1 by hyper, which hands each request to poem's endpoint.
//!
//! poem's own server is not used, for three reasons: it hides from hyper that a socket can write two
//! pieces at once, so that each response is copied behind its head; it holds reading and writing
//! apart by a lock; and it goes on with a connection that has ended.

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use poem::{
    Endpoint, Request, Response,
    http::{self, HeaderValue, header, uri::Scheme},
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};
use tokio::net::TcpStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{connection::LimitedAcceptor, shutdown::Shutdown, stream::LimitedStream};

/// Serves what `acceptor` accepts until `shutdown` says stop, and then the requests in flight, for
/// `patience` at most. A connection that waits for its next request is closed at once, whereby a request
/// that is on its way on it is lost; none is in use by then where the server has drained before.
///
/// # Errors
/// When no connection can be accepted any more.
pub async fn serve<A>(
    mut acceptor: LimitedAcceptor<A>,
    endpoint: impl Endpoint<Output = Response> + 'static,
    shutdown: &Shutdown,
    patience: Duration,
) -> io::Result<()>
where
    A: Acceptor<Io = TcpStream>,
{
    let endpoint = Arc::new(endpoint);
    let connections = TaskTracker::new();
    let give_up = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            accepted = acceptor.accept() => accepted?,
            () = shutdown.stopped() => break,
        };
        let connection = serve_connection(accepted, Arc::clone(&endpoint), shutdown.clone());
        connections.spawn(give_up.clone().run_until_cancelled_owned(connection));
    }
    // Whoever connects from now on is refused, and not kept waiting.
    drop(acceptor);
    connections.close();
    if tokio::time::timeout(patience, connections.wait()).await.is_err() {
        give_up.cancel();
        connections.wait().await;
    }
    Ok(())
}

async fn serve_connection(
    (stream, local, remote, scheme): (LimitedStream<TcpStream>, LocalAddr, RemoteAddr, Scheme),
    endpoint: Arc<impl Endpoint<Output = Response> + 'static>,
    shutdown: Shutdown,
) {
    let draining = shutdown.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let endpoint = Arc::clone(&endpoint);
        let request = Request::from((request, local.clone(), remote.clone(), scheme.clone()));
        let draining = draining.clone();
        async move {
            let mut response = endpoint.get_response(request).await;
            if draining.is_draining() {
                response
                    .headers_mut()
                    .insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(http::Response::from(response))
        }
    });
    let mut connection =
        pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    // How a connection fails is its client's affair; what a request came to is in the log.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = shutdown.stopped() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
