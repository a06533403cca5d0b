//! Decides what to do with the result of a poll, without I/O.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{db::messages::live::PostedMessage, domain::Cursor};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) action: Action,
    /// The action sends or skips all messages up to here.
    pub(super) position: Cursor,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// There is no new message.
    Idle,
    /// There are new messages, but an earlier message can still be committed.
    Wait,
    /// Send these messages.
    Send(Vec<PostedMessage>),
    /// Skip all messages up to the position: deliveries lag too far behind.
    Skip,
}

/// `found` holds the first `limit` messages after `position`.
pub(super) fn plan(
    found: Vec<PostedMessage>,
    limit: usize,
    position: Cursor,
    watermark: OffsetDateTime,
    max_lag: Duration,
) -> Plan {
    let none_found = found.is_empty();
    let is_final = |posted: &PostedMessage| posted.message.published_at < watermark;
    let messages: Vec<_> = found.into_iter().take_while(is_final).collect();
    let end = position.max(Cursor::new(watermark, 0));
    let Some(last) = messages.last().map(|posted| posted.message.cursor()) else {
        let action = if none_found { Action::Idle } else { Action::Wait };
        return Plan { action, position: end };
    };
    // Below the limit, these are all messages up to the watermark.
    if messages.len() < limit {
        return Plan { action: Action::Send(messages), position: end };
    }
    if end.published_at() - last.published_at() > max_lag {
        return Plan { action: Action::Skip, position: end };
    }
    Plan { action: Action::Send(messages), position: last }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::{Message, UserId, Username};

    const START: OffsetDateTime = datetime!(2020-02-20 00:00 UTC);
    const SECOND: Duration = Duration::from_secs(1);

    fn cursor(second: u32, id: i64) -> Cursor {
        Cursor::new(START + second * SECOND, id)
    }

    /// Messages published at these seconds, with ascending ids from 1.
    fn messages(seconds: &[u32]) -> Vec<PostedMessage> {
        let messages = seconds.iter().zip(1..).map(|(second, id)| {
            let message = Message {
                id,
                author: Username::from_stored("ann".to_owned()),
                text: String::new(),
                published_at: START + *second * SECOND,
                edited_at: None,
                in_reply_to: None,
            };
            PostedMessage { message, author: UserId(7), addressee: None }
        });
        messages.collect()
    }

    /// The plan from position 0 for messages of these seconds, with a limit of 3 and a lag of 5 s.
    fn plan_of(seconds: &[u32], watermark: u32) -> Plan {
        let watermark = START + watermark * SECOND;
        plan(messages(seconds), 3, cursor(0, 0), watermark, 5 * SECOND)
    }

    fn send(seconds: &[u32]) -> Action {
        Action::Send(messages(seconds))
    }

    #[test]
    fn without_messages_the_position_follows_the_watermark() {
        assert_eq!(plan_of(&[], 4), Plan { action: Action::Idle, position: cursor(4, 0) });
    }

    #[test]
    fn the_position_never_moves_back() {
        let plan = plan(Vec::new(), 3, cursor(9, 9), START, 5 * SECOND);
        assert_eq!(plan, Plan { action: Action::Idle, position: cursor(9, 9) });
    }

    #[test]
    fn messages_from_the_watermark_on_wait() {
        assert_eq!(plan_of(&[4, 5], 4), Plan { action: Action::Wait, position: cursor(4, 0) });
    }

    #[test]
    fn messages_before_the_watermark_are_sent() {
        let expected = Plan { action: send(&[1, 2]), position: cursor(9, 0) };
        assert_eq!(plan_of(&[1, 2], 9), expected);
        let expected = Plan { action: send(&[1]), position: cursor(2, 0) };
        assert_eq!(plan_of(&[1, 2, 3], 2), expected);
    }

    #[test]
    fn a_full_result_continues_after_its_last_message() {
        let expected = Plan { action: send(&[1, 2, 3]), position: cursor(3, 3) };
        assert_eq!(plan_of(&[1, 2, 3], 8), expected);
    }

    #[test]
    fn a_full_result_that_lags_too_far_behind_is_skipped() {
        let expected = Plan { action: Action::Skip, position: cursor(9, 0) };
        assert_eq!(plan_of(&[1, 2, 3], 9), expected);
    }
}
