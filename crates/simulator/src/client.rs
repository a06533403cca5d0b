//! HTTP as the simulator speaks it: one connection a request, or connections that are kept.
//!
//! On hyper's connections alone, without a pool in between: the client shares the machine with the
//! server that it measures.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Uri,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::Instant,
};

use super::{
    outcome::Error,
    target::{Target, TargetError},
};

/// The largest answer that is read: a thousand messages of 280 characters of 4 bytes, each written as
/// an escape of 12, are 3.4 MB.
const LARGEST_ANSWER: usize = 8 << 20;

type Sender = SendRequest<Full<Bytes>>;

/// What a server answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(super) struct NoAnswer {
    pub(super) error: Error,
    /// More than the category says, for people.
    pub(super) detail: String,
}

/// How connections are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connections {
    /// One for each request, which says `Connection: close`.
    Close,
    /// As few as suffice.
    KeepAlive,
}

/// Sends requests to one MiniTwit.
pub(super) struct Client {
    target: Target,
    addresses: Vec<SocketAddr>,
    authorization: HeaderValue,
    connections: Connections,
    idle: Mutex<Vec<Sender>>,
}

impl Client {
    /// A client of the MiniTwit at `target`, whose name is looked up once.
    ///
    /// # Errors
    /// When the name leads nowhere.
    pub(super) async fn new(
        target: Target,
        authorization: HeaderValue,
        connections: Connections,
    ) -> Result<Arc<Self>, TargetError> {
        let addresses = target.look_up().await?;
        let idle = Mutex::default();
        Ok(Arc::new(Self { target, addresses, authorization, connections, idle }))
    }

    /// Sends one request, at most once, and waits until `timeout` has passed since now.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<Answer, NoAnswer> {
        let deadline = Instant::now() + timeout;
        let mut request = self.request(method, path, body)?;
        if self.connections == Connections::KeepAlive {
            while let Some(kept) = self.take_idle() {
                match self.exchange(kept, request, deadline).await {
                    Ok(answer) => return answer,
                    // It was closed meanwhile, and nothing has been sent.
                    Err(unsent) => request = unsent,
                }
            }
        }
        let connecting = tokio::time::timeout_at(deadline, self.connect()).await;
        let unconnected = |detail| NoAnswer { error: Error::Unconnected, detail };
        let fresh = match connecting {
            Ok(Ok(sender)) => sender,
            Ok(Err(error)) => return Err(unconnected(error.to_string())),
            Err(_) => {
                let detail = "no connection in time".to_owned();
                return Err(NoAnswer { error: Error::Unreached, detail });
            }
        };
        match self.exchange(fresh, request, deadline).await {
            Ok(answer) => answer,
            Err(_) => Err(unconnected("the connection was closed at once".to_owned())),
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Request<Full<Bytes>>, NoAnswer> {
        let uri = Uri::try_from(format!("{}{path}", self.target.prefix()));
        let request = Request::builder()
            .method(method)
            .uri(uri.unwrap_or_default())
            .header(HOST, self.target.host_header())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = match self.connections {
            Connections::Close => request.header(CONNECTION, HeaderValue::from_static("close")),
            Connections::KeepAlive => request,
        };
        let malformed = |error: hyper::http::Error| NoAnswer {
            error: Error::Unconnected,
            detail: error.to_string(),
        };
        request.body(Full::from(body)).map_err(malformed)
    }

    /// Asks over a connection. Gives the request back when it has not been sent.
    async fn exchange(
        &self,
        mut sender: Sender,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Result<Answer, NoAnswer>, Request<Full<Bytes>>> {
        let late = NoAnswer { error: Error::ReadTimeout, detail: "no answer in time".to_owned() };
        let broken = |error: &dyn std::error::Error| NoAnswer {
            error: Error::Broken,
            detail: with_causes(error),
        };
        let response =
            match tokio::time::timeout_at(deadline, sender.try_send_request(request)).await {
                Err(_) => return Ok(Err(late)),
                Ok(Ok(response)) => response,
                Ok(Err(mut error)) => {
                    return match error.take_message() {
                        Some(unsent) => Err(unsent),
                        None => Ok(Err(broken(error.error()))),
                    };
                }
            };
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect();
        Ok(match tokio::time::timeout_at(deadline, body).await {
            Err(_) => Err(late),
            Ok(Err(error)) => Err(broken(error.as_ref())),
            Ok(Ok(body)) => {
                self.keep(sender);
                Ok(Answer { status, body: body.to_bytes() })
            }
        })
    }

    async fn connect(&self) -> io::Result<Sender> {
        let stream = TcpStream::connect(&self.addresses[..]).await?;
        // A request is small, and nothing comes after it.
        stream.set_nodelay(true)?;
        match self.target.tls() {
            None => begin(stream).await,
            Some((connector, name)) => begin(connector.connect(name, stream).await?).await,
        }
    }

    fn take_idle(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(sender) = idle.pop() {
            if !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    fn keep(&self, sender: Sender) {
        if self.connections == Connections::KeepAlive && !sender.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        }
    }
}

/// Begins HTTP on a connection, which goes on until it is closed or nobody sends any more.
async fn begin<S>(stream: S) -> io::Result<Sender>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let begun = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = begun.map_err(io::Error::other)?;
    // Its failure is that of the request on it.
    tokio::spawn(connection);
    Ok(sender)
}

/// An error's text, and its causes'.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
