//! A MiniTwit in memory that is wrong in known ways: some always and everywhere, some for users of
//! certain names. It notes the commands that it wrongs, by their numbers.

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

/// What it shows as `latest`, whatever arrived.
pub const WRONG_LATEST: i64 = 4_711;
/// It drops one message in so many.
const DROPS_ONE_IN: usize = 100;
/// It answers one follow in so many with 200.
const WRONG_STATUS_ONE_IN: usize = 50;

/// Users whom it wrongs, and how.
pub mod victims {
    /// What they post is there twice.
    pub const DOUBLED: &str = "Doubled";
    /// Their unfollows do nothing.
    pub const LOSER: &str = "Loser";
    /// Never answered, though some of it is done: that which says "kept".
    pub const LATE: &str = "Late";
    /// Their messages are shown oldest first.
    pub const SHUFFLED: &str = "Shuffled";
    /// Their messages are refused.
    pub const REFUSED: &str = "Refused";
    /// Answers to them break off.
    pub const BROKEN: &str = "Broken";
    /// Whom they follow cannot be read.
    pub const HIDDEN: &str = "Hidden";
    /// Their messages are shown without a date.
    pub const DATELESS: &str = "Dateless";
    /// They are forgotten.
    pub const FORGOTTEN: &str = "Forgotten";
}

/// The numbers of the commands that were wronged everywhere.
#[derive(Debug, Default, Clone)]
pub struct Wronged {
    pub dropped: Vec<i64>,
    pub answered_200: Vec<i64>,
}

#[derive(Default)]
struct Account {
    /// Oldest first.
    messages: Vec<String>,
    followees: Vec<String>,
}

#[derive(Default)]
struct State {
    accounts: HashMap<String, Account>,
    tweets: usize,
    follows: usize,
    wronged: Wronged,
}

/// The server, which ends when it is dropped.
pub struct StandIn {
    pub base: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<io::Result<()>>,
}

impl StandIn {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let state = Arc::new(Mutex::new(State::default()));
        let acceptor = TcpAcceptor::from_tokio(listener).expect("a listener");
        let api = Api(Arc::clone(&state));
        let serving = tokio::spawn(Server::new_with_acceptor(acceptor).run(api));
        Self { base, state, serving }
    }

    pub fn wronged(&self) -> Wronged {
        self.state.lock().expect("no panic").wronged.clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Api(Arc<Mutex<State>>);

/// What becomes of a request.
enum Reply {
    Status(u16),
    Json(Value),
    Never,
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
            Reply::Never => future::pending().await,
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

/// The number of a command, as its request says.
fn number(request: &Request) -> i64 {
    let query = request.uri().query().expect("a query");
    query.strip_prefix("latest=").expect("latest").parse().expect("a number")
}

impl State {
    fn register(&mut self, body: &Value) -> Reply {
        let name = body["username"].as_str().expect("a name");
        if name != victims::FORGOTTEN {
            let before = self.accounts.insert(name.to_owned(), Account::default());
            assert!(before.is_none(), "{name} registers twice");
        }
        Reply::Status(204)
    }

    fn tweet(&mut self, user: &str, body: &Value, number: i64) -> Reply {
        let text = body["content"].as_str().expect("a text").to_owned();
        let Some(account) = self.accounts.get_mut(user) else { return Reply::Status(404) };
        match user {
            victims::REFUSED => return Reply::Status(400),
            victims::BROKEN => return Reply::BreakOff,
            victims::LATE => {
                if text.contains("kept") {
                    account.messages.push(text);
                }
                return Reply::Never;
            }
            victims::DOUBLED => account.messages.push(text.clone()),
            // It is known of each what must be found.
            victims::SHUFFLED | victims::HIDDEN | victims::DATELESS => {}
            _ => {
                self.tweets += 1;
                if self.tweets.is_multiple_of(DROPS_ONE_IN) {
                    self.wronged.dropped.push(number);
                    return Reply::Status(204);
                }
            }
        }
        account.messages.push(text);
        Reply::Status(204)
    }

    fn follow(&mut self, user: &str, body: &Value, number: i64) -> Reply {
        let named = |field: &str| body[field].as_str().map(str::to_owned);
        let (follow, unfollow) = (named("follow"), named("unfollow"));
        let whom = follow.clone().or(unfollow).expect("somebody");
        if !self.accounts.contains_key(&whom) {
            return Reply::Status(404);
        }
        let Some(account) = self.accounts.get_mut(user) else { return Reply::Status(404) };
        if follow.is_some() {
            if !account.followees.contains(&whom) {
                account.followees.push(whom);
            }
            self.follows += 1;
            if self.follows.is_multiple_of(WRONG_STATUS_ONE_IN) {
                self.wronged.answered_200.push(number);
                return Reply::Status(200);
            }
        } else if user != victims::LOSER {
            account.followees.retain(|it| *it != whom);
        }
        Reply::Status(204)
    }

    fn messages(&self, user: &str) -> Reply {
        let Some(account) = self.accounts.get(user) else { return Reply::Status(404) };
        let shown = account.messages.iter().rev().map(|text| match user {
            victims::DATELESS => json!({"content": text, "user": user}),
            _ => json!({"content": text, "pub_date": 1_600_000_000, "user": user}),
        });
        let mut shown: Vec<Value> = shown.collect();
        if user == victims::SHUFFLED {
            shown.reverse();
        }
        Reply::Json(Value::Array(shown))
    }

    fn followees(&self, user: &str) -> Reply {
        match self.accounts.get(user) {
            None => Reply::Status(404),
            Some(_) if user == victims::HIDDEN => Reply::Status(500),
            Some(account) => Reply::Json(json!({ "follows": account.followees })),
        }
    }
}
