//! New messages as they come, by Server-Sent Events.

use std::{borrow::Cow, io};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use poem::{Body, IntoResponse, Response, http::HeaderMap, web::Data};
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Header, Query},
    payload::Payload,
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::{Example, ToJSON, Type},
};
use serde_json::Value;
use time::macros::datetime;

use super::{
    Resource,
    auth::{Listening, MaybeListening},
    failure::{Failure, statuses},
    fields::{FieldValue, OptionalField, Refusals},
    in_flight,
    messages::Message,
    problem::Problem,
};
use crate::{
    domain::{self, Cursor},
    service::{Service, StreamEvent, SubscribeRequest, Subscription, Timeline},
};

/// Milliseconds after which a client whose stream has ended comes back. After a restart of the server
/// all come at once, and should not come before it serves.
const RETRY_AFTER: u32 = 2_000;

/// Which timeline is listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Public,
    Own,
}

impl FieldValue for Choice {
    fn schema() -> MetaSchema {
        let enum_items = vec![Self::Public.shown(), Self::Own.shown()];
        MetaSchema { enum_items, ..MetaSchema::new("string") }
    }

    fn read(value: Value) -> Result<Self, Cow<'static, str>> {
        match value.as_str() {
            Some("public") => Ok(Self::Public),
            Some("own") => Ok(Self::Own),
            _ => Err("must be public or own".into()),
        }
    }

    fn shown(&self) -> Value {
        match self {
            Self::Public => "public".into(),
            Self::Own => "own".into(),
        }
    }
}

/// Events for as long as both sides like.
struct Events(Body);

impl Payload for Events {
    const CONTENT_TYPE: &'static str = "text/event-stream";

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            example: Some(event_of(example_place(), &Message::example()).into()),
            ..MetaSchema::new("string")
        }))
    }

    fn register(registry: &mut Registry) {
        Message::register(registry);
    }
}

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        // nginx hands on what it has when it is told not to wait for more.
        let response = Response::builder().header("X-Accel-Buffering", "no");
        response.content_type(Self::CONTENT_TYPE).body(self.0)
    }
}

#[derive(ApiResponse)]
enum Streaming {
    /// The stream has begun.
    #[oai(status = 200)]
    Ok(Events),
}

statuses! {
    Listen = [401, 422];
}

pub(super) struct Stream;

#[OpenApi(tag = "Resource::Stream")]
impl Stream {
    /// New messages as they come
    ///
    /// Server-Sent Events. Each `message` has a message as its data, as JSON, and its place on the
    /// timeline as its `id`. Messages come in the order of the timeline, none twice and none skipped,
    /// whichever replica the client comes back to: `Last-Event-ID` says where to go on. Whoever has
    /// missed more than 500 messages is told so by the event `reset`, and gets those that come after;
    /// the timeline itself has the others. A message may come up to 0.2 seconds after it was posted. While
    /// more are posted than are sent (5,000 a second, or fewer with more than 100 clients), it comes
    /// later, or is left out with the event `reset`. One that took the database more than some seconds to accept, and one
    /// that is edited, flagged or deleted later on, is not told of.
    ///
    /// A comment says now and then that the stream lives. It ends when the token or the session does,
    /// when the client takes too little, and when the server stops; then the client comes back.
    #[oai(path = "/stream", method = "get", operation_id = "stream", transform = "in_flight")]
    async fn listen(
        &self,
        caller: MaybeListening,
        /// Everybody's messages, or those of the caller and of everybody whom the caller follows. The
        /// latter needs a token, or the cookie of a page's session.
        #[oai(default = "default_timeline", example = "default_timeline")]
        timeline: Query<OptionalField<Choice>>,
        /// The `id` of the last event that was received.
        #[oai(name = "Last-Event-ID", example = "example_cursor")]
        last_event_id: Header<OptionalField<Cursor>>,
        /// The same, for clients that cannot set headers. The header counts for more.
        #[oai(name = "last_event_id", example = "example_cursor")]
        last_event_id_parameter: Query<OptionalField<Cursor>>,
        headers: &HeaderMap,
        service: Data<&Service>,
    ) -> Result<Streaming, Failure<Listen>> {
        let mut refusals = Refusals::default();
        let timeline = refusals.optional("timeline", timeline.0).unwrap_or(Choice::Public);
        let header = last_event_id.0.of_header(headers, "Last-Event-ID");
        let header = refusals.optional("Last-Event-ID", header);
        let parameter = refusals.optional("last_event_id", last_event_id_parameter.0);
        refusals.none()?;
        let timeline = match (timeline, &caller.0) {
            (Choice::Public, _) => Timeline::Public,
            (Choice::Own, Some(Listening { user, .. })) => Timeline::Own(*user),
            (Choice::Own, None) => return Err(Problem::unauthorized().into()),
        };
        let credential = caller.0.map(|listening| listening.credential);
        let request = SubscribeRequest { timeline, credential, after: header.or(parameter) };
        let subscription = service.subscribe(request).await?;
        Ok(Streaming::Ok(events(subscription)))
    }
}

fn events(subscription: Subscription) -> Events {
    // Without data it is no event, but what a client that is cut off before the first one sends back.
    let first = format!("retry: {RETRY_AFTER}\nid: {}\n\n", subscription.position());
    let rest = stream::unfold(subscription, async |mut subscription| {
        let text: Bytes = match subscription.next(event).await? {
            StreamEvent::Messages(text) => text,
            StreamEvent::Gap(place) => {
                format!("event: reset\nid: {place}\ndata: reload the timeline\n\n").into()
            }
            StreamEvent::Heartbeat => Bytes::from_static(b":\n\n"),
        };
        Some((text, subscription))
    });
    let all = stream::iter([Bytes::from(first)]).chain(rest);
    Events(Body::from_bytes_stream(all.map(Ok::<_, io::Error>)))
}

fn event(message: &domain::Message) -> String {
    event_of(message.cursor(), &message.clone().into())
}

fn event_of(place: Cursor, message: &Message) -> String {
    // JSON has no line breaks but escaped ones.
    format!("id: {place}\nevent: message\ndata: {}\n\n", message.to_json_string())
}

fn default_timeline() -> OptionalField<Choice> {
    Choice::Public.into()
}

fn example_place() -> Cursor {
    Cursor::new(datetime!(2020-02-21 00:21 UTC), 7)
}

fn example_cursor() -> OptionalField<Cursor> {
    example_place().into()
}
