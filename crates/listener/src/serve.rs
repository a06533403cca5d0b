//! Accepts connections, and serves them with hyper until the server stops.

use std::{
    convert::Infallible,
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http_body_util::BodyExt as _;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    header::{CONNECTION, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use crate::{
    limits::ConnectionLimits,
    registry::{Registration, Registry},
    shutdown::Shutdown,
    timed_stream::TimedStream,
};

/// The pause after a failed accept, for example without a free file descriptor. Without a pause, the loop
/// would use a whole core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often a new connection without a permit looks for an idle connection to give up.
const GIVE_UP_PAUSE: Duration = Duration::from_millis(100);
/// A stopping server accepts connections until none arrives for this time: the kernel may have
/// queued some before the stop.
const ACCEPT_GRACE: Duration = Duration::from_millis(10);
/// The longest time for which a stopping server accepts connections.
const LONGEST_ACCEPT_GRACE: Duration = Duration::from_secs(1);
/// How long a stopping server waits for the first request of a connection. Clients usually send it
/// at once.
const FIRST_REQUEST: Duration = Duration::from_millis(100);

/// Serves connections with `handler` until `shutdown` stops, then finishes the requests in flight.
///
/// A stop closes idle connections at once, and loses a request that is on its way over one of them.
/// Draining first avoids that, since it leaves no idle connections. The server cuts off connections
/// that are still open `stop_timeout` after the stop.
///
/// `exempt` selects the peers without a limit per address, such as reverse proxies. Their connections
/// are never given up.
pub async fn serve<H, F, B>(
    listener: TcpListener,
    limits: ConnectionLimits,
    handler: H,
    shutdown: &Shutdown,
    stop_timeout: Duration,
    exempt: impl Fn(IpAddr) -> bool,
) where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let connections = TaskTracker::new();
    let cut_off = CancellationToken::new();
    let registry = Registry::new(limits.per_address);
    // An accepted connection that waits for a permit survives the cancellation of `serve_next`.
    let mut accepted = None;
    let mut serve_next = async || {
        if accepted.is_none() {
            accepted = Some(accept(|| listener.accept()).await);
        }
        let permit = free_permit(&permits, &registry).await;
        let Some((stream, peer)) = accepted.take() else { return };
        let registration =
            if exempt(peer.ip()) { Some(registry.exempt()) } else { registry.register(peer.ip()) };
        // Dropping the stream closes the connection.
        let Some(registration) = registration else { return };
        let stream = TimedStream::new(stream, limits, Arc::clone(&registration.activity));
        let connection =
            serve_connection(stream, peer, handler.clone(), shutdown.clone(), registration);
        connections.spawn(cut_off.clone().run_until_cancelled_owned(async move {
            connection.await;
            drop(permit);
        }));
    };

    loop {
        tokio::select! {
            () = serve_next() => {}
            () = shutdown.stopping() => break,
        }
    }
    let stopped_at = Instant::now();
    while stopped_at.elapsed() < LONGEST_ACCEPT_GRACE.min(stop_timeout) {
        if timeout(ACCEPT_GRACE, serve_next()).await.is_err() {
            break;
        }
    }
    // The kernel rejects new connections from here on, instead of queuing them.
    drop(listener);
    connections.close();
    if timeout_at(stopped_at + stop_timeout, connections.wait()).await.is_err() {
        warn!(
            connections = connections.len(),
            "cutting off requests that exceed the shutdown time-out"
        );
        cut_off.cancel();
        connections.wait().await;
    }
}

/// Waits until a connection may be served. Gives up idle connections until then.
async fn free_permit(permits: &Arc<Semaphore>, registry: &Registry) -> OwnedSemaphorePermit {
    loop {
        if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
            return permit;
        }
        registry.give_up_idle();
        if let Ok(Ok(permit)) = timeout(GIVE_UP_PAUSE, Arc::clone(permits).acquire_owned()).await {
            return permit;
        }
    }
}

/// Accepts the next connection, and pauses after each failure.
async fn accept<F>(mut accept: impl FnMut() -> F) -> (TcpStream, SocketAddr)
where
    F: Future<Output = io::Result<(TcpStream, SocketAddr)>>,
{
    loop {
        match accept().await {
            Ok((stream, peer)) => {
                // Otherwise the kernel delays a short response until the client has acknowledged
                // the previous one. The call fails only on a closed connection.
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%error, "cannot set TCP_NODELAY");
                }
                return (stream, peer);
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection<H, F, B>(
    stream: TimedStream<TcpStream>,
    peer: SocketAddr,
    handler: H,
    shutdown: Shutdown,
    registration: Registration,
) where
    H: Fn(Request<Incoming>, SocketAddr) -> F,
    F: Future<Output = Response<B>>,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    let begun = AtomicBool::new(false);
    let service = service_fn(|request| {
        begun.store(true, Ordering::Relaxed);
        let in_flight = registration.activity.begin_request();
        let (response, shutdown) = (handler(request, peer), &shutdown);
        async move {
            // The body keeps the guard: a request is in flight until its response is complete.
            let mut response = response.await.map(|body| {
                body.map_err(move |error| {
                    let _in_flight = &in_flight;
                    error
                })
            });
            if shutdown.is_draining() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection =
        pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    let stopping = async {
        shutdown.stopping().await;
        // hyper would close a connection that has not sent its first request yet.
        if !begun.load(Ordering::Relaxed) {
            sleep(FIRST_REQUEST).await;
        }
    };
    // Errors of a connection are the client's and are not logged; each request has a log line.
    tokio::select! {
        // hyper reads a request that has arrived before the connection closes.
        biased;
        _ = connection.as_mut() => return,
        () = stopping => connection.as_mut().graceful_shutdown(),
        () = registration.given_up.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn accept_continues_after_failures_and_sets_nodelay() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let _client = TcpStream::connect(address).await.expect("listening");
        let mut failures = 2;
        let (stream, _) = accept(|| {
            let fails = failures > 0;
            failures -= i32::from(fails);
            let listener = &listener;
            async move {
                if fails {
                    return Err(io::Error::from_raw_os_error(nix::errno::Errno::EMFILE as i32));
                }
                listener.accept().await
            }
        })
        .await;

        assert!(stream.nodelay().expect("connected"));
        assert_eq!(failures, 0);
    }
}
