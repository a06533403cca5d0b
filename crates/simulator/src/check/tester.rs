//! Sends the requests of the checks, and creates their users.

use std::{
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use hyper::{Method, header::HeaderValue};
use serde_json::{Value, json};
use tokio::{
    sync::OnceCell,
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    answer::Answer,
    result::{Mismatch, Verdict},
};
use crate::{
    client::{Call, Client},
    outcome::CommandError,
    requests::{LATEST, follows_path, messages_path},
    tag,
};

/// The first value of `latest` that a check sends.
const FIRST_NUMBER: i64 = 100_000;
/// Characters of a request's body that reports show.
const BODY_CHARS: usize = 120;
/// How long a restarted server may take until it responds.
const RESTART_TIMEOUT: Duration = Duration::from_secs(120);
const RESTART_POLL: Duration = Duration::from_millis(200);

/// The client of the checks.
pub(super) struct Tester {
    client: Arc<Client>,
    restart_command: Option<String>,
    timeout: Duration,
    /// A part of each name, so that no user exists before the check.
    tag: String,
    users: AtomicU64,
    number: AtomicI64,
    latest_before: OnceCell<Option<i64>>,
    known_users: OnceCell<[String; 2]>,
}

/// A request that can be changed before it is sent.
pub(super) struct Request<'a> {
    tester: &'a Tester,
    call: Call,
    /// How the credentials differ from the right ones, for reports.
    note: &'static str,
}

impl Request<'_> {
    /// Sends no credentials.
    pub(super) fn without_credentials(mut self) -> Self {
        (self.call.authorization, self.note) = (None, " without credentials");
        self
    }

    /// Sends wrong credentials.
    pub(super) fn with_wrong_credentials(mut self) -> Self {
        // "simulator:wrong" in base64.
        let wrong = HeaderValue::from_static("Basic c2ltdWxhdG9yOndyb25n");
        (self.call.authorization, self.note) = (Some(wrong), " with wrong credentials");
        self
    }

    /// Sends this content type.
    pub(super) fn content_type(mut self, content_type: &'static str) -> Self {
        self.call.content_type = Some(HeaderValue::from_static(content_type));
        self
    }

    /// Sends the request. Returns an error if there is no response.
    pub(super) async fn send(self) -> Result<Answer, Mismatch> {
        let shown = format!("{}{}", shown(&self.call), self.note);
        match self.tester.client.send(self.call, self.tester.timeout).await {
            Ok(response) => Ok(Answer::new(shown, response)),
            Err(error) => Err(Mismatch {
                request: shown,
                expected: "a response".to_owned(),
                actual: format!("{}: {}", error.category, error.detail),
            }),
        }
    }
}

fn shown(call: &Call) -> String {
    let text = String::from_utf8_lossy(&call.body);
    let mut body: String = text.chars().take(BODY_CHARS).collect();
    if text.chars().count() > BODY_CHARS {
        body.push('…');
    }
    format!("{} {} {body}", call.method, call.path).trim_end().to_owned()
}

impl Tester {
    pub(super) fn new(
        client: Arc<Client>,
        restart_command: Option<String>,
        timeout: Duration,
    ) -> Self {
        Self {
            client,
            restart_command,
            timeout,
            tag: tag::of(tag::draw()),
            users: AtomicU64::new(0),
            number: AtomicI64::new(FIRST_NUMBER),
            latest_before: OnceCell::new(),
            known_users: OnceCell::new(),
        }
    }

    /// A GET request.
    pub(super) fn get(&self, path: impl Into<String>) -> Request<'_> {
        let call = self.client.call(Method::GET, path, Vec::new());
        Request { tester: self, call, note: "" }
    }

    /// A POST request with JSON.
    pub(super) fn post(&self, path: impl Into<String>, body: &Value) -> Request<'_> {
        self.post_bytes(path, body.to_string())
    }

    /// A POST request with any body.
    pub(super) fn post_bytes(
        &self,
        path: impl Into<String>,
        body: impl Into<Vec<u8>>,
    ) -> Request<'_> {
        let call = self.client.call(Method::POST, path, body.into());
        Request { tester: self, call, note: "" }
    }

    /// Sends the same POST request several times at once. Returns the statuses.
    pub(super) async fn post_concurrently(
        &self,
        path: &str,
        body: &Value,
        count: usize,
    ) -> Vec<Result<u16, CommandError>> {
        let mut sending = JoinSet::new();
        for _ in 0..count {
            let (client, timeout) = (Arc::clone(&self.client), self.timeout);
            let call = client.call(Method::POST, path, body.to_string().into_bytes());
            sending.spawn(async move { client.send(call, timeout).await });
        }
        let responses = sending.join_all().await.into_iter();
        responses.map(|it| it.map(|it| it.status).map_err(|error| error.category)).collect()
    }

    /// A name that no user has, and that begins with `base`.
    pub(super) fn new_name(&self, base: &str) -> String {
        format!("{base}-{}-{}", self.tag, self.users.fetch_add(1, Ordering::Relaxed))
    }

    /// A registration with valid data.
    pub(super) fn registration(&self, name: &str) -> Value {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let email = format!("check+{}.{number}@example.org", self.tag);
        json!({"username": name, "email": email, "pwd": "a long password"})
    }

    /// Registers a user with this name.
    pub(super) async fn register(&self, name: &str) -> Verdict {
        self.post("/register", &self.registration(name)).send().await?.succeeded()
    }

    /// Registers a new user. Returns the name.
    pub(super) async fn new_user(&self) -> Result<String, Mismatch> {
        let name = self.new_name("user");
        self.register(&name).await?;
        Ok(name)
    }

    /// Two users whom all checks share. No check gives them messages or follows.
    pub(super) async fn known_users(&self) -> Result<[&str; 2], Mismatch> {
        let register = || async { Ok([self.new_user().await?, self.new_user().await?]) };
        let [one, other] = self.known_users.get_or_try_init(register).await?;
        Ok([one, other])
    }

    /// One of the shared users.
    pub(super) async fn known_user(&self) -> Result<&str, Mismatch> {
        Ok(self.known_users().await?[0])
    }

    /// Posts a message.
    pub(super) async fn tweet(&self, name: &str, text: &str) -> Verdict {
        let body = json!({"content": text});
        self.post(messages_path(name), &body).send().await?.succeeded()
    }

    /// Follows (`"follow"`) or unfollows (`"unfollow"`) a user.
    pub(super) async fn change_follow(&self, name: &str, change: &str, followee: &str) -> Verdict {
        let body = json!({change: followee});
        self.post(follows_path(name), &body).send().await?.succeeded()
    }

    /// A value of `latest` that no earlier request of this client had.
    pub(super) fn next_number(&self) -> i64 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    /// The response with `latest`.
    pub(super) async fn latest(&self) -> Result<Answer, Mismatch> {
        self.get(LATEST).send().await
    }

    /// Requires this value of `latest`, after the step in `request`.
    pub(super) async fn latest_is(&self, number: i64, request: &str) -> Verdict {
        let answer = self.latest().await?;
        let actual = answer.latest()?;
        if actual == number {
            return Ok(());
        }
        Err(Mismatch {
            request: request.to_owned(),
            expected: format!("latest {number}"),
            actual: format!("latest {actual}"),
        })
    }

    /// Reads `latest` before the checks. Returns an error if there is no response.
    pub(super) async fn find_latest(&self) -> Result<(), Mismatch> {
        let latest = self.latest().await?.latest().ok();
        // Only the first value is kept.
        let _ = self.latest_before.set(latest);
        Ok(())
    }

    /// Sets `latest` to its value before the checks, if there was one.
    pub(super) async fn restore_latest(&self) {
        if let Some(Some(number @ 0..)) = self.latest_before.get() {
            // A system that rejects the value has already failed a check.
            let _ = self.get(format!("/msgs?no=1&latest={number}")).send().await;
        }
    }

    pub(super) fn restart_command(&self) -> Option<&str> {
        self.restart_command.as_deref()
    }

    /// Restarts the server with the command, and waits until it responds.
    pub(super) async fn restart(&self) -> Verdict {
        let command = self.restart_command.clone().unwrap_or_default();
        let failed = |actual: String| Mismatch {
            request: command.clone(),
            expected: "the command restarts the server".to_owned(),
            actual,
        };
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(&command).stdin(Stdio::null()).stdout(Stdio::null());
        let status = tokio::task::spawn_blocking(move || shell.status()).await;
        let status = status.map_err(|error| failed(error.to_string()))?;
        let status = status.map_err(|error| failed(error.to_string()))?;
        if !status.success() {
            return Err(failed(status.to_string()));
        }
        let begun = Instant::now();
        loop {
            match self.latest().await {
                Ok(answer) if answer.status == 200 => return Ok(()),
                Ok(_) | Err(_) if begun.elapsed() < RESTART_TIMEOUT => sleep(RESTART_POLL).await,
                Ok(answer) => return Err(answer.mismatch("status 200 after the restart")),
                Err(mismatch) => return Err(mismatch),
            }
        }
    }
}
