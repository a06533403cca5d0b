//! The data, and the operations on it.

use std::{collections::HashMap, fs, path::PathBuf};

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::request::{Reply, Request};

/// Messages at the start: more than the API returns.
const OLD_MESSAGES: usize = 1_100;
const DEFAULT_COUNT: usize = 100;
const MAX_COUNT: usize = 1_000;
/// The number of consecutive reads of `latest` that reach the same server.
const READS_OF_ONE_SERVER: usize = 2;

pub struct State {
    broken: &'static str,
    restart: PathBuf,
    /// By name: whom the user follows, oldest first.
    users: HashMap<String, Vec<String>>,
    /// Authors and texts, oldest first.
    messages: Vec<(String, String)>,
    pub latest: i64,
    previous_latest: i64,
    pub latest_reads: usize,
}

/// A field: absent, or a text.
enum Field {
    Absent,
    Text(String),
}

impl State {
    pub fn new(broken: &'static str, restart: PathBuf) -> Self {
        let old = |number: usize| ("somebody".to_owned(), number.to_string());
        Self {
            broken,
            restart,
            users: HashMap::new(),
            messages: (0..OLD_MESSAGES).map(old).collect(),
            latest: -1,
            previous_latest: -1,
            latest_reads: 0,
        }
    }

    fn breaks(&self, rule: &str) -> bool {
        self.broken == rule
    }

    pub fn knows(&self, user: &str) -> bool {
        self.users.contains_key(user)
    }

    pub fn restart_if_asked(&mut self) {
        if fs::remove_file(&self.restart).is_err() {
            return;
        }
        if self.breaks("restart-latest") {
            self.latest = -1;
        }
        if self.breaks("restart-data") {
            self.users.clear();
        }
    }

    pub fn set_latest(&mut self, number: i64) {
        self.previous_latest = self.latest;
        let is_kept = self.breaks("latest-last") && number < self.latest;
        self.latest = if is_kept { self.latest } else { number };
    }

    /// The body of a POST request as an object.
    pub fn body(&self, request: &Request) -> Result<Map<String, Value>, Reply> {
        if !request.posts {
            return Ok(Map::new());
        }
        let is_json = match self.breaks("content-type-charset") {
            true => request.content_type == "application/json",
            false => request.content_type.starts_with("application/json"),
        };
        if !is_json && !self.breaks("content-type-other") {
            return Err(Reply::error(415, "send application/json"));
        }
        let status = |rule| if self.breaks(rule) { 500 } else { 400 };
        match serde_json::from_slice(&request.body) {
            Ok(Value::Object(body)) => Ok(body),
            Ok(_) => Err(Reply::error(status("body-no-object"), "body: must be an object")),
            Err(_) => Err(Reply::error(status("body-malformed"), "body: must be JSON")),
        }
    }

    pub fn unknown_user(&self, request: &Request) -> Reply {
        match (request.route().0, request.posts) {
            ("msgs", false) if self.breaks("messages-unknown-user") => Reply::json(json!([])),
            ("fllws", false) if self.breaks("follows-unknown-user") => {
                Reply::json(json!({"follows": []}))
            }
            _ => Reply::error(404, "There is no such user"),
        }
    }

    pub fn reject_parameters(&self, request: &Request) -> Option<Reply> {
        for name in ["no", "latest"] {
            let (negative, other) = (format!("{name}-negative"), format!("{name}-not-a-number"));
            let wrong = match request.parameter(name).map(str::parse::<i64>) {
                Some(Ok(..0)) => !self.breaks(&negative),
                Some(Err(_)) => !self.breaks(&other),
                _ => false,
            };
            if wrong {
                return Some(self.reject_field(name, "must not be negative"));
            }
        }
        None
    }

    fn reject_field(&self, field: &str, rule: &str) -> Reply {
        let text = format!("{field}: {rule}");
        Reply::error(400, if self.breaks("error-field") { "wrong".to_owned() } else { text })
    }

    pub fn act(&mut self, request: &Request, body: &Map<String, Value>) -> Reply {
        let result = match (request.posts, request.route()) {
            (false, ("latest", _)) => Ok(self.show_latest()),
            (true, ("register", _)) => self.register(body),
            (false, ("msgs", user)) => Ok(self.messages(user, self.count(request))),
            (true, ("msgs", Some(user))) => self.tweet(user, body),
            (false, ("fllws", Some(user))) => Ok(self.follows(user, self.count(request))),
            (true, ("fllws", Some(user))) => self.change_follow(user, body),
            _ => Err(Reply::error(404, "There is nothing here")),
        };
        result.unwrap_or_else(|rejection| rejection)
    }

    fn show_latest(&mut self) -> Reply {
        self.latest_reads += 1;
        let is_other = self.latest_reads > READS_OF_ONE_SERVER;
        if is_other && self.breaks("latest-every-server") {
            return Reply::json(json!({"latest": self.previous_latest}));
        }
        match self.breaks("latest-fields") {
            true => Reply::json(json!({"latest": self.latest.to_string()})),
            false => Reply::json(json!({"latest": self.latest})),
        }
    }

    /// A field as text; missing, null and blank ones are absent.
    fn field(&self, body: &Map<String, Value>, name: &str) -> Result<Field, Reply> {
        let is_command = name == "follow" || name == "unfollow";
        match body.get(name) {
            None if self.breaks("field-missing") && !is_command => {
                Err(Reply::error(500, "missing"))
            }
            Some(Value::Null) if self.breaks("field-null") => Err(Reply::error(500, "null")),
            None | Some(Value::Null) => Ok(Field::Absent),
            Some(Value::String(text)) => {
                let blank = text.trim().is_empty() && !self.breaks("field-blank");
                let empty = text.is_empty();
                Ok(if blank || empty { Field::Absent } else { Field::Text(text.clone()) })
            }
            Some(Value::Number(number)) if self.breaks("field-type") => {
                Ok(Field::Text(number.to_string()))
            }
            Some(_) => Err(self.reject_field(name, "must be a text")),
        }
    }

    fn register(&mut self, body: &Map<String, Value>) -> Result<Reply, Reply> {
        let text = |field| match field {
            Field::Absent => String::new(),
            Field::Text(text) => text,
        };
        let [name, email, password] = ["username", "email", "pwd"].map(|it| self.field(body, it));
        let (name, email, password) = (text(name?), text(email?), text(password?));
        let said = |rule, text: &'static str| if self.breaks(rule) { "Wrong" } else { text };
        let mut rules = [
            (name.is_empty(), said("register-username", "You have to enter a username")),
            (
                !email.contains('@'),
                said("register-email", "You have to enter a valid email address"),
            ),
            (password.is_empty(), said("register-password", "You have to enter a password")),
            (self.rejects_password(&password), "This password is not accepted"),
            (self.rejects_name(&name), "This name is not accepted"),
            (self.knows(&name), said("register-taken", "The username is already taken")),
        ];
        if self.breaks("register-order") {
            rules[..3].reverse();
        }
        if let Some((_, text)) = rules.iter().find(|(broken, _)| *broken) {
            return Err(Reply::error(400, *text));
        }
        self.users.insert(name, Vec::new());
        Ok(self.confirm("register-success"))
    }

    fn rejects_password(&self, password: &str) -> bool {
        match password.len() {
            1 => self.breaks("password-short"),
            72 => self.breaks("password-72-bytes"),
            73.. => !self.breaks("password-73-bytes"),
            _ => password.contains('\0') && !self.breaks("password-nul"),
        }
    }

    fn rejects_name(&self, name: &str) -> bool {
        (name.contains('\0') && !self.breaks("field-nul"))
            || (name.contains('/') && !self.breaks("name-slash"))
            || (name.contains(' ') && self.breaks("name-blanks"))
            || (!name.is_ascii() && self.breaks("name-emoji"))
    }

    fn confirm(&self, rule: &str) -> Reply {
        if self.breaks(rule) { Reply::json(json!("ok")) } else { Reply::empty(204) }
    }

    fn tweet(&mut self, user: &str, body: &Map<String, Value>) -> Result<Reply, Reply> {
        let text = match self.field(body, "content")? {
            Field::Text(text) => text,
            Field::Absent
                if self.breaks("message-empty") && body.get("content") == Some(&json!("")) =>
            {
                String::new()
            }
            Field::Absent => return Err(self.reject_field("content", "must not be empty")),
        };
        let length = if self.breaks("message-280") { text.len() } else { text.chars().count() };
        if length > 280 && !self.breaks("message-281") {
            return Err(self.reject_field("content", "is too long"));
        }
        if text.contains('\0') && !self.breaks("field-nul") {
            return Err(self.reject_field("content", "must not contain NUL"));
        }
        let text = match self.breaks("message-unchanged") {
            true => text.replace('<', "&lt;"),
            false => text,
        };
        let message = (user.to_owned(), text);
        if self.breaks("message-repeated") && self.messages.contains(&message) {
            return Err(self.reject_field("content", "must be new"));
        }
        self.messages.push(message);
        Ok(self.confirm("message-success"))
    }

    fn change_follow(&mut self, user: &str, body: &Map<String, Value>) -> Result<Reply, Reply> {
        let (follow, unfollow) = (self.field(body, "follow")?, self.field(body, "unfollow")?);
        let (follows, name) = match (follow, unfollow) {
            (Field::Text(name), Field::Absent) => (true, name),
            (Field::Absent, Field::Text(name)) => (false, name),
            (Field::Text(_), Field::Text(_)) if self.breaks("follow-both") => {
                return Ok(Reply::empty(204));
            }
            (Field::Absent, Field::Absent) if self.breaks("follow-neither") => {
                return Ok(Reply::empty(204));
            }
            _ => return Err(self.reject_field("follow", "either follow or unfollow")),
        };
        let unknown = if follows { "follow-unknown-followee" } else { "unfollow-unknown-followee" };
        if !self.knows(&name) {
            return if self.breaks(unknown) {
                Ok(Reply::empty(204))
            } else {
                Err(Reply::error(404, "There is no such user"))
            };
        }
        if follows && name == user && !self.breaks("follow-oneself") {
            return Err(self.reject_field("follow", "must be another user"));
        }
        if follows { self.follow(user, name) } else { self.unfollow(user, &name) }
    }

    fn follow(&mut self, user: &str, name: String) -> Result<Reply, Reply> {
        let twice = self.breaks("follow-again");
        let followees = self.users.entry(user.to_owned()).or_default();
        if twice || !followees.contains(&name) {
            followees.push(name);
        }
        Ok(self.confirm("follow-success"))
    }

    fn unfollow(&mut self, user: &str, name: &str) -> Result<Reply, Reply> {
        let (strict, deaf) =
            (self.breaks("unfollow-not-followed"), self.breaks("unfollow-success"));
        let followees = self.users.entry(user.to_owned()).or_default();
        if strict && !followees.iter().any(|it| it == name) {
            return Err(self.reject_field("unfollow", "is not followed"));
        }
        followees.retain(|it| deaf || it != name);
        Ok(Reply::empty(204))
    }

    /// The number of items that a request asks for.
    fn count(&self, request: &Request) -> usize {
        let asked = request.parameter("no").and_then(|it| it.parse().ok());
        match asked {
            None => DEFAULT_COUNT,
            Some(0) if self.breaks("no-zero") => DEFAULT_COUNT,
            Some(count) if count > MAX_COUNT && self.breaks("no-over-1000") => count,
            Some(count @ 1..MAX_COUNT) if self.breaks("no-limits") => count + 1,
            Some(count) => count.min(MAX_COUNT),
        }
    }

    fn messages(&self, user: Option<&str>, count: usize) -> Reply {
        let newest_first = || self.messages.iter().rev();
        let is_own = |message: &&(String, String)| user.is_none_or(|user| message.0 == user);
        let mut shown: Vec<&(String, String)> = newest_first().filter(is_own).collect();
        if user.is_some() && shown.is_empty() && self.breaks("message-none") {
            return Reply::json(Value::Null);
        }
        if self.breaks("user-messages-own") && !shown.is_empty() {
            shown.extend(newest_first().filter(|it| !is_own(it)).take(5));
        }
        shown.truncate(count);
        let reversed = match user {
            Some(_) => self.breaks("user-messages-newest-first"),
            None => self.breaks("messages-newest-first"),
        };
        if reversed {
            shown.reverse();
        }
        Reply::json(shown.into_iter().map(|message| self.message(message)).collect())
    }

    fn message(&self, (user, content): &(String, String)) -> Value {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let date = if self.breaks("message-date") { now * 1_000 } else { now };
        let mut message = json!({"content": content, "pub_date": date, "user": user});
        if self.breaks("message-fields") {
            message["user"] = Value::Null;
        }
        message
    }

    fn follows(&self, user: &str, count: usize) -> Reply {
        let mut shown = self.users.get(user).cloned().unwrap_or_default();
        if self.breaks("follows-one-way") {
            let followers = self.users.iter().filter(|(_, it)| it.iter().any(|it| it == user));
            shown.extend(followers.map(|(name, _)| name.clone()));
        }
        shown.truncate(count);
        if self.breaks("follows-oldest-first") {
            shown.reverse();
        }
        match shown.is_empty() && self.breaks("follows-fields") {
            true => Reply::json(json!({"follows": null})),
            false => Reply::json(json!({"follows": shown})),
        }
    }
}
