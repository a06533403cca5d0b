//! The feed: new messages, for those who listen.
//!
//! One task a server looks for new messages, for all listeners at once and only while there are any:
//! when this server has taken a message, and every [`LOOK_AGAIN`] for those that other servers take.
//! They are sent in the order of the timeline, and only when no earlier one can come any more (see
//! [`watermark`]). So a place on the timeline says all that a listener has heard, on every replica. A
//! statement that takes longer than any of this program's may is not waited for, and what it posts not
//! sent.

mod delivery;
mod subscribers;
mod subscription;
mod watermark;

use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use time::OffsetDateTime;
use tokio::sync::{Mutex, Semaphore, broadcast, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use delivery::Render;
pub use subscription::{Listener, StreamEvent};

use super::{Error, Service};
use crate::{
    db::{self, Database, api_tokens, follows, messages::live, sessions},
    domain::{Cursor, Message, TokenHash, UserId},
    telemetry::{metrics::InFlightGauge, request::with_causes},
};
use delivery::Batch;
use subscribers::Subscribers;
use watermark::Watermark;

/// The longest from one look to the next, and the least from one batch to the next: so often at most
/// each listener is written to. A message has to be on every replica's page within 100 ms, too.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How soon to look again for a message that is there and may come after one that is not yet; about as
/// long as a commit takes. Each time in a row that it is so, twice as long.
const LOOK_SOON: Duration = Duration::from_millis(5);
/// How often it is looked whether those who listen still may.
const CHECK_AGAIN: Duration = Duration::from_secs(1);
/// How many messages a batch has at most.
const BATCH: usize = 500;
/// How many times a message is sent for one batch, at most: a batch is the smaller, the more listen to
/// everybody. A thousand of them, each written to every [`LOOK_AGAIN`], take some 15 % of a processor;
/// the rest is for those who post and read.
const DELIVERIES: usize = 50_000;

/// How listeners are served.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// How many may listen at once.
    pub clients: usize,
    /// How many batches are kept for those who do not take them at once; whoever is further behind is
    /// sent away.
    pub backlog: usize,
    /// The longest that a listener hears nothing.
    pub heartbeat: Duration,
    /// How far the feed may fall behind when more is posted than it sends, before it skips what it has
    /// not sent.
    pub behind: Duration,
}

/// Which messages are listened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeline {
    /// Everybody's.
    Public,
    /// Those of this reader, and of everybody whom the reader follows.
    Own(UserId),
}

/// By what right somebody listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A bearer token.
    Token(TokenHash),
    /// A session of the pages.
    Session(TokenHash),
}

/// What to listen for.
#[derive(Debug, Clone)]
pub struct SubscribeRequest {
    /// Where.
    pub timeline: Timeline,
    /// By what right; with it the listening ends. Anybody may listen to the public timeline.
    pub credential: Option<Credential>,
    /// The place of the last message that was heard; without it one hears what is new from now on.
    pub after: Option<Cursor>,
}

/// The feed of a server. Clones are handles on the same.
#[derive(Clone)]
pub(super) struct Feed {
    database: Database,
    settings: StreamSettings,
    version: watch::Sender<u64>,
    seats: Arc<Semaphore>,
    audience: Subscribers,
    /// Held while a batch is made and sent: who begins to listen is asked for, or comes after it.
    running: Arc<Mutex<Option<Running>>>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// What there is while somebody listens.
struct Running {
    notices: broadcast::Sender<Notice>,
    /// All that will be sent stands after it.
    place: Cursor,
    /// Before when nothing new will be published.
    settled: watch::Sender<OffsetDateTime>,
}

/// What all listeners are sent.
#[derive(Debug, Clone)]
enum Notice {
    Posted(Arc<Batch>),
    /// All up to this place is left out, since there is too much of it.
    Skipped(Cursor),
    /// These are no longer good.
    Ended(Arc<HashSet<Credential>>),
}

impl Service {
    /// Begins to listen.
    ///
    /// # Errors
    /// When too many do, when the server stops, or when the database fails.
    pub async fn listen(&self, wish: SubscribeRequest) -> Result<Listener, Error> {
        self.inner.feed.listen(wish).await
    }

    /// Ends all listening, for good: a server that stops waits for nobody who would listen for ever.
    pub fn end_streams(&self) {
        self.inner.feed.closing.cancel();
    }
}

impl Feed {
    /// Nothing runs yet. `version` changes with the messages that this server takes; whatever will
    /// run, runs as one of `tasks`.
    pub(super) fn new(
        database: Database,
        settings: StreamSettings,
        version: watch::Sender<u64>,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            seats: Arc::new(Semaphore::new(settings.clients.min(Semaphore::MAX_PERMITS))),
            audience: Subscribers::default(),
            running: Arc::default(),
            closing: CancellationToken::new(),
            database,
            settings,
            version,
            tasks,
        }
    }

    async fn listen(&self, wish: SubscribeRequest) -> Result<Listener, Error> {
        let permit = Arc::clone(&self.seats).try_acquire_owned().map_err(|_| Error::Crowded)?;
        let mut running = self.running.lock().await;
        if self.closing.is_cancelled() {
            return Err(Error::Crowded);
        }
        let begun = match running.take() {
            Some(begun) => begun,
            None => self.begin().await?,
        };
        let listener = Listener {
            database: self.database.clone(),
            heartbeat: self.settings.heartbeat,
            timeline: wish.timeline,
            place: wish.after.unwrap_or(begun.place),
            missed: wish.after.map(|_| begun.place).filter(|place| Some(*place) > wish.after),
            notices: begun.notices.subscribe(),
            settled: begun.settled.subscribe(),
            silent_until: tokio::time::Instant::now() + self.settings.heartbeat,
            seat: self.audience.enter(wish.timeline, wish.credential),
            _permit: permit,
            _counted: InFlightGauge::stream(),
        };
        *running = Some(begun);
        Ok(listener)
    }

    /// Starts the task, from now on.
    async fn begin(&self) -> Result<Running, Error> {
        let mut horizon = Watermark::new(self.database.timeout());
        let look = live::poll(&self.database, None, 0).await?;
        let settled = watch::Sender::new(horizon.see(&look));
        let notices = broadcast::Sender::new(self.settings.backlog);
        let feed = self.clone();
        self.tasks.spawn(async move {
            // After a panic, which its hook has logged, all listeners see that the feed has ended.
            if AssertUnwindSafe(feed.run(horizon)).catch_unwind().await.is_err() {
                *feed.running.lock().await = None;
            }
        });
        Ok(Running { notices, place: Cursor::new(look.at, 0), settled })
    }

    /// Looks and sends until nobody listens, or until the server stops.
    async fn run(&self, mut horizon: Watermark) {
        let mut version = self.version.subscribe();
        let mut checked = Instant::now();
        let mut failing = false;
        let mut soon = LOOK_SOON;
        loop {
            version.mark_unchanged();
            let looked = self.look(&mut horizon).await;
            note_failure(&looked, &mut failing);
            if !failing && checked.elapsed() >= CHECK_AGAIN {
                checked = Instant::now();
                note_failure(&self.end_the_ended().await, &mut failing);
            }
            let (pause, wakes) = match looked {
                Ok(Looked::NobodyListens) => return,
                Ok(Looked::Waiting) => (soon, false),
                Ok(Looked::Nothing) => (LOOK_AGAIN, true),
                Ok(Looked::Sent) | Err(_) => (LOOK_AGAIN, false),
            };
            soon = match looked {
                Ok(Looked::Waiting) => LOOK_AGAIN.min(2 * soon),
                _ => LOOK_SOON,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                Ok(()) = version.changed(), if wakes => {}
                () = self.closing.cancelled() => break,
            }
        }
        *self.running.lock().await = None;
    }

    /// Sends what is new and settled.
    async fn look(&self, horizon: &mut Watermark) -> Result<Looked, db::Error> {
        let place = self.running.lock().await.as_ref().map(|running| running.place);
        let Some(place) = place else { return Ok(Looked::NobodyListens) };
        let limit = (DELIVERIES / self.audience.everybodys().max(1)).clamp(1, BATCH);
        let look = live::poll(&self.database, Some(place), limit as i64).await?;
        let settled = horizon.see(&look);
        let found = look.messages.len();
        let is_settled = |(message, _): &(Message, UserId)| message.published_at < settled;
        let messages: Vec<_> = look.messages.into_iter().take_while(is_settled).collect();
        let looked = match messages.len() {
            0 if found == 0 => Looked::Nothing,
            0 => Looked::Waiting,
            _ => Looked::Sent,
        };
        let end = place.max(Cursor::new(settled, 0));
        // More may be there than was read.
        let last = messages.last().filter(|_| messages.len() == limit);
        let place = last.map_or(end, |(last, _)| last.cursor());
        let skips = end.published_at() - place.published_at() > self.settings.behind;
        let mut running = self.running.lock().await;
        let begun = running.as_mut().filter(|begun| begun.notices.receiver_count() > 0);
        let Some(begun) = begun else {
            *running = None;
            return Ok(Looked::NobodyListens);
        };
        if skips {
            let _ = begun.notices.send(Notice::Skipped(end));
        } else if !messages.is_empty() {
            let follows = self.follows(&messages).await?;
            let batch = Arc::new(Batch::new(messages, &follows));
            // Nobody may listen any more.
            let _ = begun.notices.send(Notice::Posted(batch));
        }
        begun.place = if skips { end } else { place };
        begun.settled.send_replace(settled);
        Ok(looked)
    }

    /// Of those who listen to their own timelines, and of the messages' authors, who follows whom.
    async fn follows(
        &self,
        messages: &[(Message, UserId)],
    ) -> Result<HashSet<(UserId, UserId)>, db::Error> {
        let readers = self.audience.readers();
        if readers.is_empty() {
            return Ok(HashSet::new());
        }
        let authors: HashSet<UserId> = messages.iter().map(|(_, author)| *author).collect();
        let authors: Vec<UserId> = authors.into_iter().collect();
        follows::among(&self.database, &readers, &authors).await
    }

    /// Tells those whose right to listen has ended.
    async fn end_the_ended(&self) -> Result<(), db::Error> {
        let (mut tokens, mut sessions) = (Vec::new(), Vec::new());
        for credential in self.audience.credentials() {
            match credential {
                Credential::Token(hash) => tokens.push(hash),
                Credential::Session(hash) => sessions.push(hash),
            }
        }
        let mut ended = HashSet::new();
        if !tokens.is_empty() {
            let hashes = api_tokens::ended(&self.database, &tokens).await?;
            ended.extend(hashes.into_iter().map(Credential::Token));
        }
        if !sessions.is_empty() {
            let hashes = sessions::ended(&self.database, &sessions).await?;
            ended.extend(hashes.into_iter().map(Credential::Session));
        }
        if !ended.is_empty()
            && let Some(running) = self.running.lock().await.as_ref()
        {
            let _ = running.notices.send(Notice::Ended(Arc::new(ended)));
        }
        Ok(())
    }
}

/// What a look at the database has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    /// There was nothing new.
    Nothing,
    /// All that is new may come after something that is not there yet.
    Waiting,
    /// Something was sent.
    Sent,
    /// The feed has ended.
    NobodyListens,
}

/// Logs the first of several failures: while the database is away, every look fails.
fn note_failure<T>(done: &Result<T, db::Error>, failing: &mut bool) {
    match done {
        Err(error) if !*failing => {
            tracing::warn!(cause = with_causes(error), "the feed cannot look for new messages");
        }
        Ok(_) if *failing => tracing::info!("the feed looks for new messages again"),
        _ => {}
    }
    *failing = done.is_err();
}
