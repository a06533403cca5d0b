//! A delivery: new messages, rendered once for all subscribers.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::OnceLock,
};

use bytes::Bytes;

use super::request::Timeline;
use crate::{
    db::messages::live::PostedMessage,
    domain::{Cursor, Message, UserId},
};

/// Renders a message as an event.
pub type Render = fn(&Message) -> String;

/// New messages in timeline order, oldest first.
#[derive(Debug)]
pub(super) struct Delivery {
    messages: Vec<Message>,
    /// The indexes of the messages on each reader's own timeline.
    own: HashMap<UserId, Vec<usize>>,
    rendering: OnceLock<Rendering>,
}

/// All rendered messages, concatenated, and the end of each.
#[derive(Debug)]
struct Rendering {
    text: Bytes,
    ends: Vec<usize>,
}

impl Delivery {
    /// `follows` holds pairs of a follower and a followee, for the subscribers of own timelines and the users
    /// in `messages`.
    pub(super) fn new(messages: Vec<PostedMessage>, follows: &HashSet<(UserId, UserId)>) -> Self {
        let mut by_author: HashMap<UserId, Vec<usize>> = HashMap::new();
        for (index, posted) in messages.iter().enumerate() {
            by_author.entry(posted.author).or_default().push(index);
        }
        let mut own = by_author.clone();
        // A reply is on the timeline of the user whom it answers, and of those who follow both.
        for (index, posted) in messages.iter().enumerate() {
            if let Some(addressee) = posted.addressee {
                own.entry(addressee).or_default().push(index);
            }
        }
        for (reader, author) in follows {
            let by_followee = by_author.get(author).into_iter().flatten();
            let shown = by_followee.filter(|index| match messages[**index].addressee {
                None => true,
                Some(addressee) => follows.contains(&(*reader, addressee)),
            });
            own.entry(*reader).or_default().extend(shown);
        }
        for indexes in own.values_mut() {
            indexes.sort_unstable();
            indexes.dedup();
        }
        let messages = messages.into_iter().map(|posted| posted.message).collect();
        Self { messages, own, rendering: OnceLock::new() }
    }

    /// Renders the messages on `timeline` after `after`; `None` if there are none. All callers must
    /// pass the same `render`, because the first rendering is kept.
    pub(super) fn render(
        &self,
        timeline: Timeline,
        after: Cursor,
        render: Render,
    ) -> Option<Bytes> {
        let first = self.messages.partition_point(|message| message.cursor() <= after);
        match timeline {
            Timeline::Public => (first < self.messages.len())
                .then(|| self.rendering(render).slice(first..self.messages.len())),
            Timeline::Own(reader) => {
                let indexes = self.own.get(&reader)?;
                let indexes = &indexes[indexes.partition_point(|index| *index < first)..];
                (!indexes.is_empty()).then(|| {
                    let rendering = self.rendering(render);
                    let parts = indexes.iter().map(|index| rendering.slice(*index..*index + 1));
                    parts.collect::<Vec<Bytes>>().concat().into()
                })
            }
        }
    }

    fn rendering(&self, render: Render) -> &Rendering {
        self.rendering.get_or_init(|| {
            let mut text = String::new();
            let mut ends = Vec::with_capacity(self.messages.len());
            for message in &self.messages {
                text.push_str(&render(message));
                ends.push(text.len());
            }
            Rendering { text: text.into(), ends }
        })
    }
}

impl Rendering {
    /// The text of a non-empty range of messages.
    fn slice(&self, messages: Range<usize>) -> Bytes {
        let start = messages.start.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.slice(start..self.ends[messages.end - 1])
    }
}

#[cfg(test)]
mod tests {
    use time::{OffsetDateTime, macros::datetime};

    use super::*;
    use crate::domain::Username;

    const TIME: OffsetDateTime = datetime!(2020-02-20 00:00 UTC);

    #[test]
    fn each_timeline_gets_its_messages_after_the_position() {
        let message = |id: i64| Message {
            id,
            author: Username::from_stored("ann".to_owned()),
            text: String::new(),
            published_at: TIME,
            edited_at: None,
            in_reply_to: None,
        };
        let posted = |id: i64| PostedMessage {
            message: message(id),
            author: UserId(id % 2),
            addressee: None,
        };
        let messages = (1..=4).map(posted).collect();
        let follows = HashSet::from([(UserId(7), UserId(1)), (UserId(8), UserId(9))]);
        let delivery = Delivery::new(messages, &follows);
        for (timeline, after, expected) in [
            (Timeline::Public, 0, Some("1,2,3,4,")),
            (Timeline::Public, 2, Some("3,4,")),
            (Timeline::Public, 4, None),
            (Timeline::Own(UserId(1)), 0, Some("1,3,")),
            (Timeline::Own(UserId(7)), 0, Some("1,3,")),
            (Timeline::Own(UserId(7)), 1, Some("3,")),
            (Timeline::Own(UserId(7)), 3, None),
            (Timeline::Own(UserId(8)), 0, None),
        ] {
            let after = Cursor::new(TIME, after);
            let text = delivery.render(timeline, after, |message| format!("{},", message.id));
            assert_eq!(text.as_deref(), expected.map(str::as_bytes), "{timeline:?} {after:?}");
        }
    }

    #[test]
    fn a_reply_is_sent_to_its_addressee_and_to_followers_of_both() {
        let [author, addressee, of_both, of_author, of_addressee] = [1, 2, 3, 4, 5].map(UserId);
        let message = Message {
            id: 1,
            author: Username::from_stored("ann".to_owned()),
            text: String::new(),
            published_at: TIME,
            edited_at: None,
            in_reply_to: None,
        };
        let reply = PostedMessage { message, author, addressee: Some(addressee) };
        let follows = HashSet::from([
            (of_both, author),
            (of_both, addressee),
            (of_author, author),
            (of_addressee, addressee),
            (addressee, author),
        ]);
        let delivery = Delivery::new(vec![reply], &follows);
        let is_sent = |reader| {
            let timeline = Timeline::Own(reader);
            let text =
                delivery.render(timeline, Cursor::new(TIME, 0), |message| message.id.to_string());
            text.as_deref() == Some(b"1")
        };
        assert!(is_sent(author) && is_sent(addressee) && is_sent(of_both));
        assert!(!is_sent(of_author) && !is_sent(of_addressee));
    }
}
