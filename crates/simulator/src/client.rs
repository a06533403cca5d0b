//! The HTTP client: one connection per request, or connections that are kept alive.
//!
//! Built directly on hyper's connections, without hyper-util's pool: the client shares the machine
//! with the server that it measures, resolves the host once, and must tell a connect time-out
//! (no effect) from a response time-out (uncertain effect).

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Uri,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde::de::IgnoredAny;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout_at},
};

use crate::{
    outcome::CommandError,
    target::{Target, TargetError},
};

/// The largest response body, in bytes. A thousand messages of 280 characters of 4 bytes, each
/// written as a JSON escape of 12 bytes, are 3.4 MB.
const MAX_RESPONSE_BYTES: usize = 8 << 20;

type HttpRequest = Request<Full<Bytes>>;
type Sender = SendRequest<Full<Bytes>>;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path below the base URL, with its query.
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) content_type: Option<HeaderValue>,
}

/// A complete response.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Empty if the response has none.
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

impl Response {
    /// Whether the body is an HTML page; false for JSON with the wrong content type.
    pub(crate) fn is_page(&self) -> bool {
        let is_html = self.content_type.to_ascii_lowercase().starts_with("text/html");
        is_html && serde_json::from_slice::<IgnoredAny>(&self.body).is_err()
    }

    /// The body for reports: at most `max_chars` characters on one line, and no page.
    pub(crate) fn excerpt(&self, max_chars: usize) -> String {
        if self.is_page() {
            return self.content_type.clone();
        }
        let text = String::from_utf8_lossy(&self.body);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(max_chars) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }
}

/// Why there is no response.
#[derive(Debug, Clone)]
pub(crate) struct RequestError {
    pub(crate) category: CommandError,
    /// The cause, for reports.
    pub(crate) detail: String,
}

impl RequestError {
    fn new(category: CommandError, detail: impl ToString) -> Self {
        Self { category, detail: detail.to_string() }
    }
}

/// How an exchange over one connection failed.
enum ExchangeError {
    /// The connection was closed before the request was sent; the request can be sent again.
    Unsent(Box<HttpRequest>),
    /// The request was sent, at least in part.
    Sent(RequestError),
}

/// Whether connections are reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connections {
    /// One connection per request, with `Connection: close`.
    Close,
    /// As few connections as possible.
    KeepAlive,
}

/// Sends requests to one MiniTwit.
pub(crate) struct Client {
    target: Target,
    addresses: Vec<SocketAddr>,
    authorization: HeaderValue,
    connections: Connections,
    idle: Mutex<Vec<Sender>>,
}

impl Client {
    /// Creates a client. Resolves the host of `target` once.
    pub(crate) async fn new(
        target: Target,
        authorization: HeaderValue,
        connections: Connections,
    ) -> Result<Arc<Self>, TargetError> {
        let addresses = target.resolve().await?;
        let idle = Mutex::default();
        Ok(Arc::new(Self { target, addresses, authorization, connections, idle }))
    }

    /// The base URL as written.
    pub(crate) fn base_url(&self) -> &str {
        self.target.as_str()
    }

    /// A request with JSON and the credentials, as the simulator sends it.
    pub(crate) fn call(&self, method: Method, path: impl Into<String>, body: Vec<u8>) -> Call {
        let authorization = Some(self.authorization.clone());
        let content_type = Some(HeaderValue::from_static("application/json"));
        Call { method, path: path.into(), body, authorization, content_type }
    }

    /// Sends one request, at most once. `timeout` covers the connection and the response.
    pub(crate) async fn send(
        &self,
        call: Call,
        timeout: Duration,
    ) -> Result<Response, RequestError> {
        use CommandError::{ConnectFailed, ConnectTimeout};
        let deadline = Instant::now() + timeout;
        let mut request = self.request(call)?;
        while let Some(idle) = self.take_idle() {
            match self.exchange(idle, request, deadline).await {
                Ok(response) => return Ok(response),
                Err(ExchangeError::Sent(error)) => return Err(error),
                // The server has closed the idle connection: try the next one.
                Err(ExchangeError::Unsent(unsent)) => request = *unsent,
            }
        }
        let sender = match timeout_at(deadline, self.connect()).await {
            Ok(connected) => connected.map_err(|error| RequestError::new(ConnectFailed, error))?,
            Err(_) => return Err(RequestError::new(ConnectTimeout, "no connection in time")),
        };
        self.exchange(sender, request, deadline).await.map_err(|error| match error {
            ExchangeError::Sent(error) => error,
            ExchangeError::Unsent(_) => {
                RequestError::new(ConnectFailed, "the server closed the new connection at once")
            }
        })
    }

    fn request(&self, call: Call) -> Result<HttpRequest, RequestError> {
        let Call { method, path, body, authorization, content_type } = call;
        let uri = Uri::try_from(format!("{}{path}", self.target.prefix()));
        let mut request = Request::builder()
            .method(method)
            .uri(uri.unwrap_or_default())
            .header(HOST, self.target.host_header());
        if self.connections == Connections::Close {
            request = request.header(CONNECTION, HeaderValue::from_static("close"));
        }
        for (name, value) in [(AUTHORIZATION, authorization), (CONTENT_TYPE, content_type)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let request = request.body(Full::from(body));
        request.map_err(|error| RequestError::new(CommandError::ConnectFailed, error))
    }

    async fn exchange(
        &self,
        mut sender: Sender,
        request: HttpRequest,
        deadline: Instant,
    ) -> Result<Response, ExchangeError> {
        let late = |_| {
            let error = RequestError::new(CommandError::ReadTimeout, "no response in time");
            ExchangeError::Sent(error)
        };
        let sent = timeout_at(deadline, sender.try_send_request(request)).await.map_err(late)?;
        let response = sent.map_err(|mut error| match error.take_message() {
            Some(unsent) => ExchangeError::Unsent(Box::new(unsent)),
            None => broken(error.error()),
        })?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let content_type = content_type.to_owned();
        let body = timeout_at(deadline, read(response.into_body())).await.map_err(late)?;
        let body = body.map_err(|error| broken(error.as_ref()))?;
        self.keep(sender);
        Ok(Response { status, content_type, body })
    }

    async fn connect(&self) -> io::Result<Sender> {
        let stream = TcpStream::connect(&self.addresses[..]).await?;
        // A request is small and complete: there is nothing to wait for.
        stream.set_nodelay(true)?;
        match self.target.tls() {
            None => handshake(stream).await,
            Some((connector, name)) => handshake(connector.connect(name, stream).await?).await,
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Sender>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_idle(&self) -> Option<Sender> {
        let mut idle = self.idle();
        std::iter::from_fn(|| idle.pop()).find(|sender| !sender.is_closed())
    }

    fn keep(&self, sender: Sender) {
        if self.connections == Connections::KeepAlive && !sender.is_closed() {
            self.idle().push(sender);
        }
    }
}

fn broken(error: &dyn std::error::Error) -> ExchangeError {
    let category = CommandError::ConnectionBroken;
    ExchangeError::Sent(RequestError::new(category, with_causes(error)))
}

async fn read(body: Incoming) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Limited::new(body, MAX_RESPONSE_BYTES).collect().await?.to_bytes())
}

/// Starts HTTP/1.1 on a connection, driven by a task until the connection or the sender closes.
async fn handshake<S>(stream: S) -> io::Result<Sender>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connected = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = connected.map_err(io::Error::other)?;
    // Its failure also reaches the request, which reports it.
    tokio::spawn(connection);
    Ok(sender)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
