//! A parsed request, and a reply.

use std::collections::HashMap;

use poem::http::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde_json::{Value, json};

/// simulator:super_safe!
const CREDENTIALS: &str = "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    Right,
    Wrong,
    Missing,
}

pub struct Request {
    pub posts: bool,
    pub raw_path: String,
    /// The parts of the path, decoded.
    pub segments: Vec<String>,
    query: HashMap<String, String>,
    pub credentials: Credentials,
    pub content_type: String,
    pub body: Vec<u8>,
}

/// A status with a JSON body, if any.
pub struct Reply {
    pub status: u16,
    pub body: Option<Value>,
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl Request {
    pub async fn read(mut request: poem::Request) -> poem::Result<Self> {
        let body = request.take_body().into_vec().await?;
        let header = |name| request.headers().get(name).and_then(|it| it.to_str().ok());
        let credentials = match header(AUTHORIZATION) {
            Some(CREDENTIALS) => Credentials::Right,
            Some(_) => Credentials::Wrong,
            None => Credentials::Missing,
        };
        let raw_path = request.uri().path().to_owned();
        let segments = raw_path.split('/').filter(|it| !it.is_empty()).map(decoded).collect();
        let query = request.uri().query().unwrap_or_default().split('&');
        let query = query.filter_map(|pair| pair.split_once('='));
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let content_type = header(CONTENT_TYPE).unwrap_or_default().to_owned();
        let posts = request.method() == Method::POST;
        Ok(Self { posts, raw_path, segments, query, credentials, content_type, body })
    }

    /// Decodes the names in the path a second time.
    pub fn decode_again(&mut self) {
        self.segments.iter_mut().for_each(|it| *it = decoded(it));
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// The route, and the user in it.
    pub fn route(&self) -> (&str, Option<&str>) {
        let mut segments = self.segments.iter().map(String::as_str);
        (segments.next().unwrap_or_default(), segments.next())
    }
}

impl Reply {
    pub const fn empty(status: u16) -> Self {
        Self { status, body: None }
    }

    pub const fn json(body: Value) -> Self {
        Self { status: 200, body: Some(body) }
    }

    pub fn error(status: u16, text: impl Into<String>) -> Self {
        let body = json!({"status": status, "error_msg": text.into()});
        Self { status, body: Some(body) }
    }
}
