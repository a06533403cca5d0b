//! A delivery: new messages, rendered once for all subscribers.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::OnceLock,
};

use bytes::Bytes;

use super::request::Timeline;
use crate::domain::{Cursor, Message, UserId};

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
    /// `messages` come with their authors' ids. `follows` holds pairs of a follower and an author,
    /// for the subscribers of own timelines.
    pub(super) fn new(
        messages: Vec<(Message, UserId)>,
        follows: &HashSet<(UserId, UserId)>,
    ) -> Self {
        let mut by_author: HashMap<UserId, Vec<usize>> = HashMap::new();
        for (index, (_, author)) in messages.iter().enumerate() {
            by_author.entry(*author).or_default().push(index);
        }
        let mut own = by_author.clone();
        for (reader, author) in follows {
            own.entry(*reader).or_default().extend(by_author.get(author).into_iter().flatten());
        }
        for indexes in own.values_mut() {
            indexes.sort_unstable();
        }
        let messages = messages.into_iter().map(|(message, _)| message).collect();
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
        };
        let messages = (1..=4).map(|id| (message(id), UserId(id % 2))).collect();
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
}
