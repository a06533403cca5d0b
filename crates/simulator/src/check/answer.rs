//! A response, and what a rule may require of it.

use hyper::body::Bytes;
use serde_json::Value;

use super::result::{Mismatch, Verdict};
use crate::client::Response;

/// Characters of a body that are shown.
const BODY_CHARS: usize = 200;

/// A response, with the request that led to it.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// The request, as reports show it.
    pub(super) request: String,
    pub(super) status: u16,
    pub(super) content_type: String,
    body: Bytes,
    /// The body for reports.
    excerpt: String,
}

impl Answer {
    pub(super) fn new(request: String, response: Response) -> Self {
        let excerpt = response.excerpt(BODY_CHARS);
        let Response { status, content_type, body } = response;
        Self { request, status, content_type, body, excerpt }
    }

    /// A mismatch that shows this response.
    pub(super) fn mismatch(&self, expected: impl Into<String>) -> Mismatch {
        let (request, expected) = (self.request.clone(), expected.into());
        Mismatch { request, expected, actual: self.shown() }
    }

    fn shown(&self) -> String {
        let status = self.status;
        if self.body.is_empty() {
            return format!("status {status}, empty body");
        }
        format!("status {status}, {}", self.excerpt)
    }

    /// Requires this condition.
    pub(super) fn require(&self, holds: bool, expected: impl Into<String>) -> Verdict {
        if holds { Ok(()) } else { Err(self.mismatch(expected)) }
    }

    /// Requires this status.
    pub(super) fn has_status(&self, status: u16) -> Verdict {
        self.require(self.status == status, format!("status {status}"))
    }

    /// Requires a status from 200 to 299: the preparation of a check worked, whatever the rules of its
    /// response are.
    pub(super) fn succeeded(&self) -> Verdict {
        self.require((200..300).contains(&self.status), "success (a step of the preparation)")
    }

    /// Requires 204 and an empty body.
    pub(super) fn confirms(&self) -> Verdict {
        self.require(self.status == 204 && self.body.is_empty(), "status 204 and an empty body")
    }

    /// Requires this status, and this text if the body has the form of an error. Its form is the
    /// subject of another check.
    pub(super) fn rejects(&self, status: u16, text: &str) -> Verdict {
        let has_text = self.error_text().is_none_or(|it| it == text);
        self.require(self.status == status && has_text, format!("status {status}, {text:?}"))
    }

    /// The text of an error, if the body has its form.
    pub(super) fn error_text(&self) -> Option<String> {
        Some(self.json()?.get("error_msg")?.as_str()?.to_owned())
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The messages; lenient about everything but the list of contents.
    pub(super) fn contents(&self) -> Result<Vec<String>, Mismatch> {
        let list = self.json().filter(|_| self.status == 200);
        let list = list.as_ref().and_then(Value::as_array);
        let content = |it: &Value| Some(it.get("content")?.as_str()?.to_owned());
        let contents = list.and_then(|list| list.iter().map(content).collect());
        contents.ok_or_else(|| self.mismatch("status 200 and a list of messages"))
    }

    /// The names of the followees; lenient about a missing list.
    pub(super) fn followees(&self) -> Result<Vec<String>, Mismatch> {
        let object = self.json().filter(|it| self.status == 200 && it.is_object());
        let object = object.ok_or_else(|| self.mismatch("status 200 and a list of follows"))?;
        match object.get("follows") {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(list) => serde_json::from_value(list.clone())
                .map_err(|_| self.mismatch("a list of names in \"follows\"")),
        }
    }

    /// The value of `latest`; lenient about a number in quotes.
    pub(super) fn latest(&self) -> Result<i64, Mismatch> {
        let value = self.json().filter(|_| self.status == 200);
        let value = value.and_then(|it| it.get("latest").cloned());
        let number = match &value {
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_i64(),
            None => None,
        };
        number.ok_or_else(|| self.mismatch("status 200 and {\"latest\": number}"))
    }
}
