//! The endpoint: judges a request in the order of the contract, and renders the reply.

use std::sync::{Arc, Mutex};

use poem::{Endpoint, Response, http::StatusCode};
use serde_json::{Map, Value, json};
use tokio::sync::Barrier;

use super::{
    request::{Credentials, Reply, Request},
    state::State,
};

/// The number of concurrent registrations of one name in the check.
const RACERS: usize = 8;

pub struct Api {
    broken: &'static str,
    state: Arc<Mutex<State>>,
    /// Lets all concurrent registrations find that the name is free.
    race: Barrier,
}

impl Api {
    pub fn new(broken: &'static str, state: Arc<Mutex<State>>) -> Self {
        Self { broken, state, race: Barrier::new(RACERS) }
    }

    fn breaks(&self, rule: &str) -> bool {
        self.broken == rule
    }

    async fn reply(&self, mut request: Request) -> Reply {
        if self.breaks("name-url-characters") {
            request.decode_again();
        }
        let racing = request.body.windows(6).any(|part| part == b"\"race-");
        if self.breaks("register-race") && racing {
            self.race.wait().await;
            return Reply::empty(204);
        }
        let slashes = [
            ("path-leading-slash", request.raw_path.starts_with("//")),
            ("path-trailing-slash", request.raw_path.ends_with('/')),
            ("name-slash", request.raw_path.contains("%2F") && !request.raw_path.contains("%252F")),
        ];
        if slashes.iter().any(|(rule, applies)| *applies && self.breaks(rule)) {
            return Reply::error(404, "There is nothing here");
        }
        let mut state = self.state.lock().expect("no panic");
        state.restart_if_asked();
        let reply = self.judge(&mut state, &request);
        self.record_latest(&mut state, &request, reply.status);
        reply
    }

    /// Credentials, then the user, then the parameters, then the body.
    fn judge(&self, state: &mut State, request: &Request) -> Reply {
        let (route, user) = request.route();
        let is_open = match route {
            "latest" => !self.breaks("latest-open"),
            "register" => !self.breaks("register-open"),
            _ => false,
        };
        let unknown = user.is_some_and(|user| !state.knows(user));
        let body = state.body(request);
        let authorized = match request.credentials {
            Credentials::Right => true,
            Credentials::Wrong => self.breaks("credentials-wrong"),
            Credentials::Missing => false,
        };
        let overtaken = (self.breaks("order-403-404") && unknown)
            || (self.breaks("order-403-400") && body.is_err());
        if !is_open && !authorized && !overtaken {
            let text = "You are not authorized to use this resource!";
            return Reply::error(403, if self.breaks("credentials-missing") { "No" } else { text });
        }
        if unknown {
            return self.judge_unknown_user(state, request, body);
        }
        if let Some(rejection) = state.reject_parameters(request) {
            return rejection;
        }
        match body {
            Err(rejection) if request.posts => rejection,
            body => state.act(request, &body.unwrap_or_default()),
        }
    }

    fn judge_unknown_user(
        &self,
        state: &State,
        request: &Request,
        body: Result<Map<String, Value>, Reply>,
    ) -> Reply {
        let (route, _) = request.route();
        let breaks_for = |rule, of| self.breaks(rule) && route == of && request.posts;
        let author = breaks_for("message-unknown-author", "msgs");
        let follower = breaks_for("follow-unknown-follower", "fllws");
        match body {
            Err(reply) if self.breaks("order-404-400") && reply.status == 400 => reply,
            Err(reply) if self.breaks("order-404-415") && reply.status == 415 => reply,
            // The order of 404 and 400 is another rule.
            Ok(body) if follower || (author && body.get("content") != Some(&json!(""))) => {
                Reply::empty(204)
            }
            _ => state.unknown_user(request),
        }
    }

    fn record_latest(&self, state: &mut State, request: &Request, status: u16) {
        let (route, _) = request.route();
        let unguarded = match route {
            "register" => self.breaks("latest-open-register"),
            "msgs" => self.breaks("latest-after-403"),
            _ => false,
        };
        let counts = unguarded || request.credentials == Credentials::Right;
        let is_ignored = match (route, request.posts, status) {
            ("latest", ..) => !self.breaks("latest-itself"),
            ("register", ..) if self.breaks("latest-commands") => true,
            ("fllws", false, _) if self.breaks("latest-reads") => true,
            (_, _, 400) => self.breaks("latest-after-400"),
            (_, _, 404) => self.breaks("latest-after-404"),
            _ => false,
        };
        let number = request.parameter("latest").and_then(|it| it.parse::<i64>().ok());
        match number {
            Some(number) if counts && !is_ignored && number >= 0 => state.set_latest(number),
            None if self.breaks("latest-absent") && route == "msgs" && request.posts => {
                state.set_latest(0);
            }
            _ => {}
        }
        if route != "latest" {
            state.latest_reads = 0;
        }
    }

    fn render(&self, Reply { status, body }: Reply) -> Response {
        let is_error = status >= 400;
        let body = match body {
            Some(error) if is_error && self.breaks("error-form") => {
                Some(json!({"message": error["error_msg"]}))
            }
            Some(mut error) if is_error && self.breaks("error-status") => {
                error["status"] = json!(200);
                Some(error)
            }
            body => body,
        };
        let html = (self.breaks("error-content-type") && is_error)
            || (self.breaks("json-content-type") && status == 200);
        let content_type = if html { "text/html" } else { "application/json" };
        let status = StatusCode::from_u16(status).expect("a status");
        let response = Response::builder().status(status);
        match body {
            Some(body) => response.content_type(content_type).body(Value::to_string(&body)),
            None => response.finish(),
        }
    }
}

impl Endpoint for Api {
    type Output = Response;

    async fn call(&self, request: poem::Request) -> poem::Result<Response> {
        let reply = self.reply(Request::read(request).await?).await;
        Ok(self.render(reply))
    }
}
