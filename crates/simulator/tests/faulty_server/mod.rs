//! An in-memory MiniTwit with known faults: some for every user, some for users with certain names.
//! It records the numbers of the commands that it handles wrongly.

use std::{
    collections::HashMap,
    future, io,
    sync::{Arc, Mutex},
};

use poem::{
    Body, Endpoint, Request, Response, Server,
    http::{Method, StatusCode, header::CONTENT_LENGTH},
    listener::TcpAcceptor,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// The value of `latest`, whatever arrived.
pub const WRONG_LATEST: i64 = 4_711;
/// One message in this many is dropped.
const DROPS_ONE_IN: usize = 100;
/// One follow in this many gets a 200.
const WRONG_STATUS_ONE_IN: usize = 50;

/// Users with a fault of their own.
pub mod faulty_users {
    /// Messages are stored twice.
    pub const DOUBLED: &str = "Doubled";
    /// Unfollows have no effect.
    pub const KEEPER: &str = "Keeper";
    /// Tweets get no response; those that contain "kept" are stored.
    pub const LATE: &str = "Late";
    /// Messages are listed oldest first.
    pub const SHUFFLED: &str = "Shuffled";
    /// Tweets are rejected.
    pub const REJECTED: &str = "Rejected";
    /// Responses to tweets break off.
    pub const BROKEN: &str = "Broken";
    /// Follows cannot be read.
    pub const HIDDEN: &str = "Hidden";
    /// Messages are listed without a date.
    pub const DATELESS: &str = "Dateless";
    /// The registration has no effect.
    pub const FORGOTTEN: &str = "Forgotten";
}

/// The numbers of the commands that hit a fault for every user.
#[derive(Debug, Default, Clone)]
pub struct FaultyCommands {
    pub dropped: Vec<i64>,
    pub status_200: Vec<i64>,
}

#[derive(Default)]
struct UserState {
    /// Oldest first.
    messages: Vec<String>,
    followees: Vec<String>,
}

#[derive(Default)]
struct State {
    users: HashMap<String, UserState>,
    tweets: usize,
    follows: usize,
    faulty: FaultyCommands,
}

/// The server, stopped when dropped.
pub struct FaultyServer {
    pub base: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<io::Result<()>>,
}

impl FaultyServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let state = Arc::new(Mutex::new(State::default()));
        let acceptor = TcpAcceptor::from_tokio(listener).expect("a listener");
        let api = Api(Arc::clone(&state));
        let serving = tokio::spawn(Server::new_with_acceptor(acceptor).run(api));
        Self { base, state, serving }
    }

    pub fn faulty_commands(&self) -> FaultyCommands {
        self.state.lock().expect("no panic").faulty.clone()
    }
}

impl Drop for FaultyServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Api(Arc<Mutex<State>>);

/// How a request ends.
enum Reply {
    Status(u16),
    Json(Value),
    NoResponse,
    BreakOff,
}

impl Endpoint for Api {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let body = request.take_body().into_vec().await?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let path = request.uri().path().to_owned();
        let parts: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let posts = request.method() == Method::POST;
        let reply = {
            let mut state = self.0.lock().expect("no panic");
            match (posts, &parts[..]) {
                (true, ["register"]) => state.register(&body),
                (true, ["msgs", user]) => state.tweet(user, &body, number(&request)),
                (true, ["fllws", user]) => state.follow(user, &body, number(&request)),
                (false, ["latest"]) => Reply::Json(json!({ "latest": WRONG_LATEST })),
                (false, ["msgs", user]) => state.messages(user),
                (false, ["fllws", user]) => state.followees(user),
                _ => Reply::Status(404),
            }
        };
        Ok(match reply {
            Reply::Status(status) => {
                Response::builder().status(StatusCode::from_u16(status).expect("one")).finish()
            }
            Reply::Json(value) => Response::builder().body(value.to_string()),
            Reply::NoResponse => future::pending().await,
            Reply::BreakOff => {
                let failure =
                    futures_util::stream::iter([Err::<Vec<u8>, _>(io::Error::other("off"))]);
                let body = Body::from_bytes_stream(failure);
                Response::builder().header(CONTENT_LENGTH, 5).body(body)
            }
        })
    }
}

fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8().expect("UTF-8").into_owned()
}

/// The `latest` parameter of a request.
fn number(request: &Request) -> i64 {
    let query = request.uri().query().expect("a query");
    query.strip_prefix("latest=").expect("latest").parse().expect("a number")
}

impl State {
    fn register(&mut self, body: &Value) -> Reply {
        let name = body["username"].as_str().expect("a name");
        if name != faulty_users::FORGOTTEN {
            let before = self.users.insert(name.to_owned(), UserState::default());
            assert!(before.is_none(), "{name} registers twice");
        }
        Reply::Status(204)
    }

    fn tweet(&mut self, user: &str, body: &Value, number: i64) -> Reply {
        let text = body["content"].as_str().expect("a text").to_owned();
        let Some(user_state) = self.users.get_mut(user) else { return Reply::Status(404) };
        match user {
            faulty_users::REJECTED => return Reply::Status(400),
            faulty_users::BROKEN => return Reply::BreakOff,
            faulty_users::LATE => {
                if text.contains("kept") {
                    user_state.messages.push(text);
                }
                return Reply::NoResponse;
            }
            faulty_users::DOUBLED => user_state.messages.push(text.clone()),
            // The general fault must not hit users with a fault of their own.
            faulty_users::SHUFFLED | faulty_users::HIDDEN | faulty_users::DATELESS => {}
            _ => {
                self.tweets += 1;
                if self.tweets.is_multiple_of(DROPS_ONE_IN) {
                    self.faulty.dropped.push(number);
                    return Reply::Status(204);
                }
            }
        }
        user_state.messages.push(text);
        Reply::Status(204)
    }

    fn follow(&mut self, user: &str, body: &Value, number: i64) -> Reply {
        let named = |field: &str| body[field].as_str().map(str::to_owned);
        let (follow, unfollow) = (named("follow"), named("unfollow"));
        let followee = follow.clone().or(unfollow).expect("a followee");
        if !self.users.contains_key(&followee) {
            return Reply::Status(404);
        }
        let Some(user_state) = self.users.get_mut(user) else { return Reply::Status(404) };
        if follow.is_some() {
            if !user_state.followees.contains(&followee) {
                user_state.followees.push(followee);
            }
            self.follows += 1;
            if self.follows.is_multiple_of(WRONG_STATUS_ONE_IN) {
                self.faulty.status_200.push(number);
                return Reply::Status(200);
            }
        } else if user != faulty_users::KEEPER {
            user_state.followees.retain(|it| *it != followee);
        }
        Reply::Status(204)
    }

    fn messages(&self, user: &str) -> Reply {
        let Some(user_state) = self.users.get(user) else { return Reply::Status(404) };
        let shown = user_state.messages.iter().rev().map(|text| match user {
            faulty_users::DATELESS => json!({"content": text, "user": user}),
            _ => json!({"content": text, "pub_date": 1_600_000_000, "user": user}),
        });
        let mut shown: Vec<Value> = shown.collect();
        if user == faulty_users::SHUFFLED {
            shown.reverse();
        }
        Reply::Json(Value::Array(shown))
    }

    fn followees(&self, user: &str) -> Reply {
        match self.users.get(user) {
            None => Reply::Status(404),
            Some(_) if user == faulty_users::HIDDEN => Reply::Status(500),
            Some(user_state) => Reply::Json(json!({ "follows": user_state.followees })),
        }
    }
}
