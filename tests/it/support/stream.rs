//! Clients of the stream of new messages.

use std::mem;

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::time::timeout;

use super::DEADLINE;

/// What a stream of Server-Sent Events has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    Event {
        kind: String,
        id: String,
        data: String,
    },
    /// An identity without an event.
    Place(String),
    Comment,
}

impl Sent {
    /// The message that the event has for its data.
    #[track_caller]
    pub fn message(&self) -> Value {
        match self {
            Self::Event { kind, data, .. } if kind == "message" => {
                serde_json::from_str(data).expect("JSON")
            }
            other => panic!("{other:?} is no message"),
        }
    }

    /// The text of the event's message.
    #[track_caller]
    pub fn text(&self) -> String {
        self.message()["text"].as_str().expect("a text").to_owned()
    }

    /// The identity of the last event.
    #[track_caller]
    pub fn id(&self) -> &str {
        match self {
            Self::Event { id, .. } | Self::Place(id) => id,
            Self::Comment => panic!("a comment has no identity"),
        }
    }

    fn parse(block: &str) -> Self {
        let (mut kind, mut id, mut data) = (None, None, None);
        for line in block.lines().filter(|line| !line.starts_with(':')) {
            let (name, value) = line.split_once(": ").expect(line);
            match name {
                "event" => kind = Some(value.to_owned()),
                "id" => id = Some(value.to_owned()),
                "data" => data = Some(value.to_owned()),
                "retry" => assert!(value.parse::<u32>().is_ok(), "{line}"),
                _ => panic!("{line}"),
            }
        }
        match (kind, id, data) {
            (Some(kind), Some(id), Some(data)) => Self::Event { kind, id, data },
            (None, Some(id), None) => Self::Place(id),
            (None, None, None) => Self::Comment,
            _ => panic!("{block}"),
        }
    }
}

/// A stream that has begun.
pub struct Stream {
    pub response: Response,
    received: String,
}

impl Stream {
    /// Begins to listen. Returns the stream, and the place where it begins.
    pub async fn open(request: RequestBuilder) -> (Self, String) {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{response:?}");
        let mut stream = Self { response, received: String::new() };
        let Some(Sent::Place(place)) = stream.next().await else { panic!("no place") };
        (stream, place)
    }

    /// What is sent next; `None` at the stream's end.
    pub async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some((block, rest)) = self.received.split_once("\n\n") {
                let (sent, rest) = (Sent::parse(block), rest.to_owned());
                drop(mem::replace(&mut self.received, rest));
                return Some(sent);
            }
            let chunk = timeout(DEADLINE, self.response.chunk()).await.expect("in time");
            let chunk = chunk.expect("no failure")?;
            self.received.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    /// The text of the message that is sent next.
    pub async fn text(&mut self) -> String {
        self.next().await.expect("a message").text()
    }

    /// Whether the stream ends without anything more.
    pub async fn ends(&mut self) -> bool {
        self.next().await.is_none()
    }
}
