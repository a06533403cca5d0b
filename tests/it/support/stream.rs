//! A client of the stream of new messages.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::time::timeout;

use super::TIMEOUT;

/// One block of a stream of server-sent events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    Event {
        name: String,
        id: String,
        data: String,
    },
    /// An id without an event: the position where the stream starts.
    Position(String),
    Comment,
}

impl Block {
    #[track_caller]
    pub fn message(&self) -> Value {
        match self {
            Self::Event { name, data, .. } if name == "message" => {
                serde_json::from_str(data).expect("JSON")
            }
            other => panic!("{other:?} is no message"),
        }
    }

    #[track_caller]
    pub fn text(&self) -> String {
        self.message()["text"].as_str().expect("a text").to_owned()
    }

    #[track_caller]
    pub fn id(&self) -> &str {
        match self {
            Self::Event { id, .. } | Self::Position(id) => id,
            Self::Comment => panic!("a comment has no id"),
        }
    }

    fn parse(block: &str) -> Self {
        let (mut event, mut id, mut data) = (None, None, None);
        for line in block.lines().filter(|line| !line.starts_with(':')) {
            let (name, value) = line.split_once(": ").expect(line);
            match name {
                "event" => event = Some(value.to_owned()),
                "id" => id = Some(value.to_owned()),
                "data" => data = Some(value.to_owned()),
                "retry" => assert!(value.parse::<u32>().is_ok(), "{line}"),
                _ => panic!("{line}"),
            }
        }
        match (event, id, data) {
            (Some(name), Some(id), Some(data)) => Self::Event { name, id, data },
            (None, Some(id), None) => Self::Position(id),
            (None, None, None) => Self::Comment,
            _ => panic!("{block}"),
        }
    }
}

/// An open stream of new messages.
pub struct Stream {
    pub response: Response,
    received: String,
}

impl Stream {
    /// Opens a stream. Returns it with its start position.
    pub async fn open(request: RequestBuilder) -> (Self, String) {
        let response = request.send().await.expect("a response");
        assert_eq!(response.status(), 200, "{response:?}");
        let mut stream = Self { response, received: String::new() };
        let Some(Block::Position(position)) = stream.next().await else { panic!("no position") };
        (stream, position)
    }

    /// Receives the next block; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.received.split_once("\n\n") {
                let (block, rest) = (Block::parse(block), rest.to_owned());
                self.received = rest;
                return Some(block);
            }
            let chunk = timeout(TIMEOUT, self.response.chunk()).await.expect("in time");
            let chunk = chunk.expect("no failure")?;
            self.received.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    /// Receives a message. Returns its text.
    pub async fn text(&mut self) -> String {
        self.next().await.expect("a message").text()
    }

    /// Whether the stream ends without a further block.
    pub async fn ends(&mut self) -> bool {
        self.next().await.is_none()
    }
}
