//! The task that polls the database and sends deliveries to all subscriptions.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    channel::{Notice, SharedChannel},
    delivery::Delivery,
    plan::{Action, plan},
    request::Credential,
    subscribers::Subscribers,
    watermark::Watermark,
};
use crate::{
    db::{
        self, Database, api_tokens, follows,
        messages::live::{self, PostedMessage, Prepared},
        sessions,
    },
    domain::UserId,
    telemetry::request::{cut, with_causes},
};

/// The longest time between two polls: every replica must show a message within 100 ms. Also the
/// shortest time between two deliveries, since a delivery writes to every stream.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The first pause while a message waits for an earlier transaction: about the duration of a commit.
/// The pause doubles up to [`POLL_INTERVAL`].
const MIN_WAIT: Duration = Duration::from_millis(5);
/// How often the credentials of the open streams are checked.
const CREDENTIAL_CHECK_INTERVAL: Duration = Duration::from_secs(1);
const MAX_DELIVERY: usize = 500;
/// The most messages that one delivery writes to all public streams together. 1,000 such streams,
/// each written every [`POLL_INTERVAL`], use about 15 % of a processor; posts and pages need the
/// rest.
const MAX_MESSAGES_SENT: usize = 50_000;

/// Clones share one state.
#[derive(Clone)]
pub(super) struct Poller {
    pub(super) database: Database,
    pub(super) max_lag: Duration,
    pub(super) public_version: watch::Sender<u64>,
    pub(super) subscribers: Subscribers,
    pub(super) channel: SharedChannel,
    /// The names of the overdue prepared transactions of the last poll, which the log contains.
    pub(super) overdue: Arc<Mutex<HashSet<String>>>,
    pub(super) closing: CancellationToken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum NextPoll {
    /// After a post on this server, or after [`POLL_INTERVAL`].
    OnPost,
    /// As soon as an earlier transaction may have ended.
    Soon,
    /// After [`POLL_INTERVAL`].
    Later,
    /// Not again: there is no subscriber.
    Never,
}

impl Poller {
    /// Polls and sends until there is no subscriber, or until the server stops.
    pub(super) async fn run(&self, mut watermark: Watermark) {
        let mut public_version = self.public_version.subscribe();
        let mut checked_at = Instant::now();
        let mut failing = false;
        let mut wait = MIN_WAIT;
        loop {
            public_version.mark_unchanged();
            let polled = self.poll(&mut watermark).await;
            log_change(&polled, &mut failing);
            if !failing && checked_at.elapsed() >= CREDENTIAL_CHECK_INTERVAL {
                checked_at = Instant::now();
                log_change(&self.check_credentials().await, &mut failing);
            }
            let next = polled.unwrap_or(NextPoll::Later);
            let pause = match next {
                NextPoll::Never => return,
                NextPoll::Soon => wait,
                NextPoll::OnPost | NextPoll::Later => POLL_INTERVAL,
            };
            wait = if next == NextPoll::Soon { POLL_INTERVAL.min(2 * wait) } else { MIN_WAIT };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                Ok(()) = public_version.changed(), if next == NextPoll::OnPost => {}
                () = self.closing.cancelled() => break,
            }
        }
        *self.channel.lock().await = None;
    }

    /// Polls once, and sends the new messages before the watermark.
    async fn poll(&self, watermark: &mut Watermark) -> Result<NextPoll, db::Error> {
        let position = self.channel.lock().await.as_ref().map(|channel| channel.position);
        let Some(position) = position else { return Ok(NextPoll::Never) };
        let public_subscribers = self.subscribers.public_count().max(1);
        let limit = (MAX_MESSAGES_SENT / public_subscribers).clamp(1, MAX_DELIVERY);
        let poll = live::poll(&self.database, Some(position), limit as i64).await?;
        let settled = watermark.advance(&poll);
        self.log_overdue(watermark.overdue(&poll));
        let plan = plan(poll.messages, limit, position, settled, self.max_lag);

        let mut shared = self.channel.lock().await;
        let subscribed = shared.as_mut().filter(|channel| channel.notices.receiver_count() > 0);
        let Some(channel) = subscribed else {
            *shared = None;
            return Ok(NextPoll::Never);
        };
        // Sending fails only without subscribers.
        let next = match plan.action {
            Action::Idle => NextPoll::OnPost,
            Action::Wait => NextPoll::Soon,
            Action::Send(messages) => {
                let follows = self.follows(&messages).await?;
                let delivery = Arc::new(Delivery::new(messages, &follows));
                let _ = channel.notices.send(Notice::Delivery(delivery));
                NextPoll::Later
            }
            Action::Skip => {
                let _ = channel.notices.send(Notice::Skipped(plan.position));
                NextPoll::Later
            }
        };
        channel.position = plan.position;
        channel.watermark.send_replace(settled);
        Ok(next)
    }

    /// Logs each prepared transaction once: its messages may be missing in streams, and PostgreSQL
    /// cannot clean up the tables while it is open.
    fn log_overdue<'p>(&self, overdue: impl Iterator<Item = &'p Prepared>) {
        let mut logged = self.overdue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = HashSet::new();
        for Prepared { name, since, .. } in overdue {
            if !logged.contains(name) {
                tracing::warn!(
                    gid = cut(name),
                    %since,
                    "a prepared transaction holds the table of messages; streams do not wait for it. \
                     End it with COMMIT PREPARED or ROLLBACK PREPARED"
                );
            }
            names.insert(name.clone());
        }
        *logged = names;
    }

    /// The follows from the subscribers of own timelines to the messages' authors, and to those whom they
    /// reply to.
    async fn follows(
        &self,
        messages: &[PostedMessage],
    ) -> Result<HashSet<(UserId, UserId)>, db::Error> {
        let readers = self.subscribers.readers();
        if readers.is_empty() {
            return Ok(HashSet::new());
        }
        let authors = messages.iter().map(|posted| posted.author);
        let addressees = messages.iter().filter_map(|posted| posted.addressee);
        let authors: HashSet<UserId> = authors.chain(addressees).collect();
        let authors: Vec<UserId> = authors.into_iter().collect();
        follows::among(&self.database, &readers, &authors).await
    }

    /// Ends the streams whose credentials are no longer valid.
    async fn check_credentials(&self) -> Result<(), db::Error> {
        let (mut tokens, mut sessions) = (Vec::new(), Vec::new());
        for credential in self.subscribers.credentials() {
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
            && let Some(channel) = self.channel.lock().await.as_ref()
        {
            let _ = channel.notices.send(Notice::Ended(Arc::new(ended)));
        }
        Ok(())
    }
}

/// Logs the first of several failures in a row, and the recovery.
fn log_change<T>(result: &Result<T, db::Error>, failing: &mut bool) {
    match result {
        Err(error) if !*failing => {
            tracing::warn!(
                cause = with_causes(error),
                "cannot poll for new messages; streams wait"
            );
        }
        Ok(_) if *failing => tracing::info!("polling for new messages succeeds again"),
        _ => {}
    }
    *failing = result.is_err();
}
