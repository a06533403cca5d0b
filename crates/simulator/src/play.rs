//! Plays a scenario: sends its commands at their pace, in an order that none can tell from theirs.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{runtime::Handle, sync::Semaphore, task::JoinSet, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    client::Client,
    order::Order,
    outcome::Outcome,
    pace::Pace,
    requests,
    scenario::Scenario,
    statistics::{Ended, Statistics},
};

/// How soon a thread that waits for a command's time sees that it shall stop.
const LONGEST_NAP: Duration = Duration::from_millis(20);
/// How many characters of a wrong answer are kept.
const DETAIL_LENGTH: usize = 300;

/// A run of a scenario.
pub(super) struct Player {
    scenario: Arc<Scenario>,
    client: Arc<Client>,
    timeout: Duration,
    order: Mutex<Order>,
    statistics: Mutex<Statistics>,
    /// Once this is so, nothing more is sent; what is under way is waited for.
    stop: CancellationToken,
}

impl Player {
    pub(super) fn new(
        scenario: Arc<Scenario>,
        client: Arc<Client>,
        pace: Pace,
        timeout: Duration,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let timed = !matches!(pace, Pace::Concurrency(_));
        let order = Mutex::new(Order::new(&scenario, timed));
        let statistics = Mutex::new(Statistics::new(scenario.commands().len()));
        Arc::new(Self { scenario, client, timeout, order, statistics, stop })
    }

    /// What has been counted so far.
    pub(super) fn statistics(&self) -> MutexGuard<'_, Statistics> {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plays until all has been sent and answered, or until it is stopped. Returns how long it took.
    pub(super) async fn play(self: &Arc<Self>, pace: Pace) -> Duration {
        let began = Instant::now();
        self.statistics().began = began;
        match pace {
            Pace::Concurrency(number) => self.play_at_once(number).await,
            Pace::Rate(_) | Pace::Ramp { .. } => self.play_in_time(pace, began).await,
        }
        self.statistics().end_second();
        began.elapsed()
    }

    /// Each of so many workers sends the earliest command that may be sent, and waits for the answer.
    async fn play_at_once(self: &Arc<Self>, workers: usize) {
        let ready = Arc::new(Ready::new(self.scenario.commands().len()));
        ready.add(self.order().ready());
        let mut working = JoinSet::new();
        for _ in 0..workers {
            let (player, ready) = (Arc::clone(self), Arc::clone(&ready));
            working.spawn(async move {
                while let Some(place) = ready.next(&player.stop).await {
                    player.send(place, None).await;
                    ready.add(player.done(place).into_iter());
                }
            });
        }
        working.join_all().await;
    }

    /// Each command is sent when it is due, or once those have been answered that it must not
    /// overtake, however many are under way.
    async fn play_in_time(self: &Arc<Self>, pace: Pace, began: Instant) {
        let timed = Arc::new(Timed {
            player: Arc::clone(self),
            pace,
            began,
            under_way: TaskTracker::new(),
            runtime: Handle::current(),
        });
        let clock = tokio::task::spawn_blocking({
            let timed = Arc::clone(&timed);
            move || timed.run()
        });
        // It ends by itself; a panic has been reported.
        let _ = clock.await;
        timed.under_way.close();
        timed.under_way.wait().await;
    }

    /// Sends a command, and counts how it ends. Its latency begins when it was due.
    async fn send(&self, place: u32, due: Option<Instant>) {
        let command = &self.scenario.commands()[place as usize];
        let (path, body) = requests::of_command(&self.scenario, command);
        let sent = Instant::now();
        let answer = self.client.send(requests::COMMAND, &path, body, self.timeout).await;
        let ended = Instant::now();
        let (outcome, detail) = match answer {
            Ok(answer) => match Outcome::of_status(answer.status) {
                Outcome::Done => (Outcome::Done, String::new()),
                failed => (failed, shortened(&answer.body)),
            },
            Err(none) => (Outcome::Failed(none.error), none.detail),
        };
        let due = due.unwrap_or(sent);
        self.statistics().add(Ended { place, due, sent, ended, outcome, detail }, command);
    }

    /// The commands that may be sent since this one has ended.
    fn done(&self, place: u32) -> Vec<u32> {
        let mut ready = Vec::new();
        self.order().done(place, &mut ready);
        ready
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a server said, as far as it is shown.
fn shortened(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().chars().take(DETAIL_LENGTH).collect()
}

/// The commands that may be sent, for whoever has time.
struct Ready {
    commands: Mutex<BinaryHeap<Reverse<u32>>>,
    /// One permit a command.
    available: Semaphore,
    /// How many nobody has taken yet.
    left: AtomicUsize,
}

impl Ready {
    fn new(commands: usize) -> Self {
        let left = AtomicUsize::new(commands);
        Self { commands: Mutex::default(), available: Semaphore::new(0), left }
    }

    fn add(&self, ready: impl Iterator<Item = u32>) {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let before = commands.len();
        commands.extend(ready.map(Reverse));
        self.available.add_permits(commands.len() - before);
    }

    /// The earliest; `None` when there will be none any more.
    async fn next(&self, stop: &CancellationToken) -> Option<u32> {
        let permit = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            permit = self.available.acquire() => permit.ok()?,
        };
        permit.forget();
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.available.close();
        }
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.pop().map(|Reverse(place)| place)
    }
}

/// A run in which commands have their times.
struct Timed {
    player: Arc<Player>,
    pace: Pace,
    began: Instant,
    under_way: TaskTracker,
    runtime: Handle,
}

impl Timed {
    /// Sends each command whose time has come, if it may be sent. Runs on a thread of its own: the
    /// runtime's timer knows milliseconds alone, which would all be latency.
    fn run(self: Arc<Self>) {
        for place in (0..).take(self.player.scenario.commands().len()) {
            let Some(due) = self.pace.due(place) else { return };
            if !self.wait_until(self.began + due) {
                return;
            }
            if self.player.order().due(place) {
                self.launch(place);
            }
        }
    }

    /// Returns whether to go on.
    fn wait_until(&self, time: Instant) -> bool {
        loop {
            if self.player.stop.is_cancelled() {
                return false;
            }
            let left = time.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(LONGEST_NAP));
        }
    }

    /// Sends a command, and after it those that waited for it alone.
    fn launch(self: &Arc<Self>, place: u32) {
        let timed = Arc::clone(self);
        let sending = async move {
            let due = timed.pace.due(place).map(|due| timed.began + due);
            timed.player.send(place, due).await;
            for next in timed.player.done(place) {
                if !timed.player.stop.is_cancelled() {
                    timed.launch(next);
                }
            }
        };
        self.under_way.spawn_on(sending, &self.runtime);
    }
}
