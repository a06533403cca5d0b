//! New messages that are sent together: for whom each is, and how they are rendered, once for all.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::OnceLock,
};

use bytes::Bytes;

use super::Timeline;
use crate::domain::{Cursor, Message, UserId};

/// How a message is sent.
pub type Render = fn(&Message) -> String;

/// Messages in the order of the timeline.
#[derive(Debug)]
pub(super) struct Batch {
    messages: Vec<Message>,
    /// Which of them are on a reader's own timeline, by their places in the batch.
    own: HashMap<UserId, Vec<usize>>,
    rendering: OnceLock<Rendering>,
}

/// All messages one after another, and where each ends.
#[derive(Debug)]
struct Rendering {
    text: Bytes,
    ends: Vec<usize>,
}

impl Batch {
    /// A batch of messages with their authors. `follows` are all the follows of the authors by readers
    /// who listen.
    pub(super) fn new(
        messages: Vec<(Message, UserId)>,
        follows: &HashSet<(UserId, UserId)>,
    ) -> Self {
        let mut by_author: HashMap<UserId, Vec<usize>> = HashMap::new();
        for (place, (_, author)) in messages.iter().enumerate() {
            by_author.entry(*author).or_default().push(place);
        }
        let mut own = by_author.clone();
        for (reader, author) in follows {
            own.entry(*reader).or_default().extend(by_author.get(author).into_iter().flatten());
        }
        for places in own.values_mut() {
            places.sort_unstable();
        }
        let messages = messages.into_iter().map(|(message, _)| message).collect();
        Self { messages, own, rendering: OnceLock::new() }
    }

    /// The messages that stand on `timeline` after `after`; `None` if none do. All callers render in
    /// the same way.
    pub(super) fn on(&self, timeline: Timeline, after: Cursor, render: Render) -> Option<Bytes> {
        let first = self.messages.partition_point(|message| message.cursor() <= after);
        match timeline {
            Timeline::Public => (first < self.messages.len())
                .then(|| self.rendering(render).part(first..self.messages.len())),
            Timeline::Own(reader) => {
                let places = self.own.get(&reader)?;
                let places = &places[places.partition_point(|place| *place < first)..];
                let parts = |place: &usize| self.rendering(render).part(*place..*place + 1);
                (!places.is_empty()).then(|| {
                    let parts: Vec<Bytes> = places.iter().map(parts).collect();
                    parts.concat().into()
                })
            }
        }
    }

    fn rendering(&self, render: Render) -> &Rendering {
        self.rendering.get_or_init(|| self.render(render))
    }

    fn render(&self, render: Render) -> Rendering {
        let mut text = String::new();
        let mut ends = Vec::with_capacity(self.messages.len());
        for message in &self.messages {
            text.push_str(&render(message));
            ends.push(text.len());
        }
        Rendering { text: text.into(), ends }
    }
}

impl Rendering {
    /// Messages of the batch; there is at least one.
    fn part(&self, places: Range<usize>) -> Bytes {
        let begin = places.start.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.slice(begin..self.ends[places.end - 1])
    }
}

#[cfg(test)]
mod tests {
    use time::{OffsetDateTime, macros::datetime};

    use super::*;
    use crate::domain::Username;

    const TIME: OffsetDateTime = datetime!(2020-02-20 00:00 UTC);

    #[test]
    fn everybody_gets_the_messages_of_their_timeline_that_they_do_not_have() {
        let message = |id: i64| Message {
            id,
            author: Username::from_stored("ann".to_owned()),
            text: String::new(),
            published_at: TIME,
            edited_at: None,
        };
        let messages = (1..=4).map(|id| (message(id), UserId(id % 2))).collect();
        let follows = HashSet::from([(UserId(7), UserId(1)), (UserId(8), UserId(9))]);
        let batch = Batch::new(messages, &follows);
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
            let sent = batch.on(timeline, after, |message| format!("{},", message.id));
            assert_eq!(sent.as_deref(), expected.map(str::as_bytes), "{timeline:?} {after:?}");
        }
    }
}
