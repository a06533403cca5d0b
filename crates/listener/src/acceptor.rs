//! Accepting connections: not too many at once, and each with time-outs.
//!
//! hyper's own time-outs bound a request's head alone, so that a client could hold a connection for
//! ever at no cost. What the time-outs mean is told in `stream`.

use std::{io, sync::Arc, time::Duration};

use poem::{
    http::uri::Scheme,
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{net::TcpStream, sync::Semaphore};
use tracing::{debug, warn};

use super::timed_stream::TimedStream;

/// How long to pause after a failure to accept, as when no file descriptor is left: long enough
/// not to busy a core, short enough not to be noticed once one is free again.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// How long a connection may take over what, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The longest that nothing is written and no request begun. A response that lasts must write
    /// something more often.
    pub idle: Duration,
    /// The longest that a request's head may take, from its first byte until its blank line.
    pub header: Duration,
    /// The longest that the client may leave bytes untaken which were ready to be sent.
    pub write: Duration,
    /// How many connections may be open at once; the next waits in the kernel's queue.
    pub max_connections: usize,
}

/// An acceptor whose streams keep [`ConnectionLimits`].
pub struct LimitedAcceptor<A> {
    inner: A,
    limits: ConnectionLimits,
    permits: Arc<Semaphore>,
}

impl<A> LimitedAcceptor<A> {
    /// Bounds the connections that `inner` accepts.
    #[must_use]
    pub fn new(inner: A, limits: ConnectionLimits) -> Self {
        let permits = limits.max_connections.min(Semaphore::MAX_PERMITS);
        Self { inner, limits, permits: Arc::new(Semaphore::new(permits)) }
    }
}

impl<A: Acceptor<Io = TcpStream>> Acceptor for LimitedAcceptor<A> {
    type Io = TimedStream<TcpStream>;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.inner.local_addr()
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
        loop {
            match self.inner.accept().await {
                Ok((stream, local, remote, scheme)) => {
                    // Without it, the kernel holds a short response back until the client has
                    // acknowledged the one before. It fails only on a connection that is gone.
                    if let Err(error) = stream.set_nodelay(true) {
                        debug!(%error, "TCP_NODELAY could not be set");
                    }
                    return Ok((
                        TimedStream::new(stream, self.limits, permit),
                        local,
                        remote,
                        scheme,
                    ));
                }
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Fails `failures` times before it accepts.
    struct Failing {
        failures: usize,
        listener: TcpListener,
    }

    impl Acceptor for Failing {
        type Io = TcpStream;

        fn local_addr(&self) -> Vec<LocalAddr> {
            Vec::new()
        }

        async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
            if self.failures > 0 {
                self.failures -= 1;
                return Err(io::Error::from_raw_os_error(nix::errno::Errno::EMFILE as i32));
            }
            let (stream, peer) = self.listener.accept().await?;
            Ok((stream, LocalAddr::default(), RemoteAddr(peer.into()), Scheme::HTTP))
        }
    }

    #[tokio::test]
    async fn a_failure_to_accept_is_survived_and_delay_is_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let limits = ConnectionLimits {
            idle: Duration::from_secs(1),
            header: Duration::from_secs(1),
            write: Duration::from_secs(1),
            max_connections: 1,
        };
        let mut acceptor = LimitedAcceptor::new(Failing { failures: 2, listener }, limits);
        let _client = TcpStream::connect(address).await.expect("listening");

        let (stream, ..) = acceptor.accept().await.expect("accepted after the failures");

        assert_eq!(acceptor.inner.failures, 0);
        assert!(stream.inner().nodelay().expect("connected"));
        assert_eq!(acceptor.permits.available_permits(), 0);
        drop(stream);
        assert_eq!(acceptor.permits.available_permits(), 1);
    }
}
