//! New messages as server-sent events (SSE).

use std::io;

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

use super::{
    auth::{OptionalSubscriber, Subscriber},
    code::Code,
    failure::{Failure, failures},
    fields::{FieldErrors, Unparsed, cursor},
    messages::Message,
    paging::example_cursor,
    tags::Tag,
};
use crate::{
    domain::{self, Cursor, Invalid},
    http::openapi::documented_type,
    service::{Service, StreamEvent, SubscribeRequest, Subscription, Timeline},
};

/// Milliseconds before a client reconnects. After a restart of the server all clients reconnect
/// simultaneously; the delay lets the server become ready first.
const RECONNECT_MILLISECONDS: u32 = 2_000;

const LAST_EVENT_ID: &str = "Last-Event-ID";

#[derive(Debug, Clone, Copy)]
enum StreamTimeline {
    Public,
    Own,
}

documented_type!(
    StreamTimeline,
    "StreamTimeline",
    MetaSchema { enum_items: vec!["public".into(), "own".into()], ..MetaSchema::new("string") }
);

impl StreamTimeline {
    fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "public" => Ok(Self::Public),
            "own" => Ok(Self::Own),
            _ => Err(Invalid::new("must be public or own")),
        }
    }
}

struct EventStreamBody(Body);

impl Payload for EventStreamBody {
    const CONTENT_TYPE: &'static str = "text/event-stream";

    fn schema_ref() -> MetaSchemaRef {
        let example = format_event("1582244460000000_7", &Message::example());
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            example: Some(example.into()),
            ..MetaSchema::new("string")
        }))
    }

    fn register(registry: &mut Registry) {
        Message::register(registry);
    }
}

impl IntoResponse for EventStreamBody {
    fn into_response(self) -> Response {
        // This header disables response buffering in nginx.
        let response = Response::builder().header("X-Accel-Buffering", "no");
        response.content_type(Self::CONTENT_TYPE).body(self.0)
    }
}

#[derive(ApiResponse)]
enum EventStreamResponse {
    /// The stream of events; it has no end.
    #[oai(status = 200)]
    Ok(EventStreamBody),
}

failures! {
    Subscribe = TOKEN, [], "timeline": "must be public or own";
}

pub(super) struct Stream;

#[OpenApi(tag = "Tag::Stream")]
impl Stream {
    /// Receive new messages as server-sent events
    ///
    /// The data of each `message` event is a message as JSON. Its `id` is the position of the
    /// message in the timeline. The server sends messages in timeline order, usually within 0.2
    /// seconds of the post. A client that reconnects with `Last-Event-ID` receives each later
    /// message exactly once, from any replica.
    ///
    /// A `reset` event means that the server skipped messages; the client then reloads the
    /// timeline. The server skips messages if the client missed more than 500, or if users post
    /// more than it can send: 5,000 a second, fewer with more than 100 clients. The stream omits
    /// messages that took the database several seconds to commit. It does not report edits, flags
    /// and deletions.
    ///
    /// The server sends comments regularly, so that the client can detect a broken connection. The
    /// stream ends when the token or session ends, when the client reads too slowly, and when the
    /// server stops. The client then reconnects.
    ///
    /// The response has no end, so Swagger UI cannot show it. curl can:
    ///
    /// ```sh
    /// curl --no-buffer "http://127.0.0.1:8080/api/v1/stream"
    /// curl --no-buffer --header "Authorization: Bearer TOKEN" \
    ///   "http://127.0.0.1:8080/api/v1/stream?timeline=own"
    /// ```
    #[oai(path = "/stream", method = "get", operation_id = "stream")]
    async fn subscribe(
        &self,
        subscriber: OptionalSubscriber,
        /// `public` for the messages of all users; `own` for the messages of the caller and the
        /// caller's followees. `own` requires a token, or the session cookie of a page.
        #[oai(default = "default_timeline", example = "default_timeline")]
        timeline: Query<Unparsed<Option<StreamTimeline>>>,
        /// The `id` of the last event that the client received.
        #[oai(name = "Last-Event-ID", example = "example_cursor")]
        last_event_id: Header<Unparsed<Option<Cursor>>>,
        /// The same for clients that cannot set headers. The header takes precedence.
        #[oai(example = "example_cursor")]
        after: Query<Unparsed<Option<Cursor>>>,
        headers: &HeaderMap,
        service: Data<&Service>,
    ) -> Result<EventStreamResponse, Failure<Subscribe>> {
        let mut errors = FieldErrors::default();
        let timeline = errors.string("timeline", timeline.0, StreamTimeline::parse);
        let header = last_event_id.0.or_header(headers, LAST_EVENT_ID);
        let header = errors.string(LAST_EVENT_ID, header, cursor);
        let parameter = errors.string("after", after.0, cursor);
        errors.finish(Some(()))?;
        let timeline = match (timeline, &subscriber.0) {
            (Some(StreamTimeline::Own), Some(Subscriber { user, .. })) => Timeline::Own(*user),
            (Some(StreamTimeline::Own), None) => return Err(Code::TokenRequired.into()),
            _ => Timeline::Public,
        };
        let credential = subscriber.0.map(|subscriber| subscriber.credential);
        let request = SubscribeRequest { timeline, credential, after: header.or(parameter) };
        Ok(EventStreamResponse::Ok(event_stream(service.subscribe(request).await?)))
    }
}

fn event_stream(subscription: Subscription) -> EventStreamBody {
    // A block without data is not an event, but sets the client's `Last-Event-ID`.
    let first = format!("retry: {RECONNECT_MILLISECONDS}\nid: {}\n\n", subscription.position());
    let rest = stream::unfold(subscription, async |mut subscription| {
        let text: Bytes = match subscription.next(message_event).await? {
            StreamEvent::Messages(text) => text,
            StreamEvent::Gap(position) => {
                format!("event: reset\nid: {position}\ndata: reload the timeline\n\n").into()
            }
            StreamEvent::Heartbeat => Bytes::from_static(b":\n\n"),
        };
        Some((text, subscription))
    });
    let all = stream::iter([Bytes::from(first)]).chain(rest);
    EventStreamBody(Body::from_bytes_stream(all.map(Ok::<_, io::Error>)))
}

fn message_event(message: &domain::Message) -> String {
    format_event(&message.cursor().to_string(), &message.clone().into())
}

fn format_event(id: &str, message: &Message) -> String {
    // JSON escapes line breaks, so the data is one line.
    format!("id: {id}\nevent: message\ndata: {}\n\n", message.to_json_string())
}

fn default_timeline() -> Unparsed<Option<StreamTimeline>> {
    "public".into()
}
