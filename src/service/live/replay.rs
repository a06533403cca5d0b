//! Repeats polls of the model of streams on the code.

use std::time::{Duration, Instant};

use models::live as model;
use time::OffsetDateTime;

use super::{
    plan::{Action, plan},
    watermark::Watermark,
};
use crate::{
    db::messages::live::{Poll, PostedMessage, Unseen},
    domain::{Cursor, Message, UserId, Username},
};

/// A second of the model's clock.
fn time(second: u8) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::from_secs(second.into())
}

fn cursor((second, id): model::Cursor) -> Cursor {
    Cursor::new(time(second), id.into())
}

fn message(at: model::Cursor) -> PostedMessage {
    let message = Message {
        id: at.1.into(),
        author: Username::from_stored("ann".to_owned()),
        text: String::new(),
        published_at: time(at.0),
        edited_at: None,
        in_reply_to: None,
    };
    PostedMessage { message, author: UserId(7), addressee: None }
}

/// The poll as the database returns it. Polls are a second apart.
fn poll(poll: &model::Poll, start: Instant) -> Poll {
    let unseen = poll.unseen.iter().map(|number| i64::from(*number)).collect();
    Poll {
        prepared: Vec::new(),
        at: time(poll.at),
        taken: start + Duration::from_secs(poll.number.into()),
        writers: poll.writers.iter().map(|number| i64::from(*number)).collect(),
        unseen: Unseen { from: i64::MAX, among: unseen },
        messages: poll.messages.iter().map(|at| message(*at)).collect(),
    }
}

#[test]
fn the_code_does_what_the_model_does() {
    let start = Instant::now();
    let mut compared = 0;
    for seed in 0..3_000 {
        let max_wait = 1 + u8::try_from(seed % 4).expect("small");
        let model = model::Live {
            writers: 4,
            servers: 1,
            max_polls: 8,
            max_clock: 6,
            step_back: 3,
            max_wait,
            prepares: true,
            max_deletions: 1,
            max_crashes: 1,
            fault: None,
        };
        let mut position = None;
        let mut watermark = Watermark::new(Duration::from_secs(max_wait.into()));
        for expected in model.polls(seed) {
            let poll = poll(&expected, start);
            if expected.first {
                watermark = Watermark::new(Duration::from_secs(max_wait.into()));
                watermark.advance(&poll);
                position = Some(Cursor::new(poll.at, 0));
                continue;
            }
            let settled = watermark.advance(&poll);
            assert_eq!(settled, time(expected.watermark), "{seed}: {expected:?}");
            let before = position.expect("a first poll");
            let plan = plan(poll.messages, 500, before, settled, Duration::from_secs(60));
            assert_eq!(plan.position, cursor(expected.position), "{seed}: {expected:?}");
            let sent = match plan.action {
                Action::Send(messages) => messages,
                Action::Idle | Action::Wait => Vec::new(),
                Action::Skip => panic!("{seed}: {expected:?}"),
            };
            let expected: Vec<_> = expected.sent.iter().map(|at| message(*at)).collect();
            assert_eq!(sent, expected, "{seed}");
            compared += usize::from(!sent.is_empty());
            position = Some(plan.position);
        }
    }
    assert!(compared > 300, "{compared} deliveries");
}
