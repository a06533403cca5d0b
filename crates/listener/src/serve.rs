//! Serving connections: HTTP/1 by hyper, which hands each request to poem's endpoint.
//!
//! poem's own server is not used, for three reasons: it hides from hyper that a socket can write two
//! pieces at once, so that each response is copied behind its head; it holds reading and writing
//! apart by a lock; and it goes on with a connection that has ended.

use std::{
    convert::Infallible,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use poem::{
    Endpoint, Request, Response,
    http::{self, HeaderValue, header, uri::Scheme},
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use super::{acceptor::LimitedAcceptor, shutdown::Shutdown, timed_stream::TimedStream};

/// How long a stopping server goes on accepting once nobody has connected, so that whoever connected
/// before the stop is served: the kernel has accepted for the server what the server has not yet.
const NOBODY_CONNECTS: Duration = Duration::from_millis(10);
/// How long it goes on at most. Clients that keep coming have to be sent elsewhere at some time.
const LAST_CALL: Duration = Duration::from_secs(1);
/// How long a connection of a stopping server may take to begin its first request: its client sent it
/// with the connection, or does not mean to send one.
const FIRST_REQUEST: Duration = Duration::from_millis(100);

/// Serves what `acceptor` accepts until `shutdown` says stop, and then what was sent by then, for
/// `patience` at most. A connection that waits for its next request is closed at once, whereby a request
/// that is on its way on it is lost; none is in use by then where the server has drained before.
///
/// # Errors
/// When the acceptor gives up, which [`LimitedAcceptor`] never does.
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
    let begin = |accepted| {
        let connection = serve_connection(accepted, Arc::clone(&endpoint), shutdown.clone());
        connections.spawn(give_up.clone().run_until_cancelled_owned(connection));
    };
    loop {
        tokio::select! {
            accepted = acceptor.accept() => begin(accepted?),
            () = shutdown.stopped() => break,
        }
    }
    let stopped_at = Instant::now();
    while stopped_at.elapsed() < LAST_CALL.min(patience) {
        let Ok(accepted) = timeout(NOBODY_CONNECTS, acceptor.accept()).await else { break };
        begin(accepted?);
    }
    // Whoever connects from now on is refused, and not kept waiting.
    drop(acceptor);
    connections.close();
    if timeout_at(stopped_at + patience, connections.wait()).await.is_err() {
        warn!(connections = connections.len(), "requests were cut off by the end of the stop");
        give_up.cancel();
        connections.wait().await;
    }
    Ok(())
}

async fn serve_connection(
    (stream, local, remote, scheme): (TimedStream<TcpStream>, LocalAddr, RemoteAddr, Scheme),
    endpoint: Arc<impl Endpoint<Output = Response> + 'static>,
    shutdown: Shutdown,
) {
    let begun = Arc::new(AtomicBool::new(false));
    let begins = Arc::clone(&begun);
    let draining = shutdown.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        begins.store(true, Ordering::Relaxed);
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
    let stopped = async {
        shutdown.stopped().await;
        // hyper would close a connection on which nothing has come yet.
        if !begun.load(Ordering::Relaxed) {
            tokio::time::sleep(FIRST_REQUEST).await;
        }
    };
    // How a connection fails is its client's affair; what a request came to is in the log.
    tokio::select! {
        // First, so that a request which has arrived is read before the connection is closed.
        biased;
        _ = connection.as_mut() => return,
        () = stopped => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
