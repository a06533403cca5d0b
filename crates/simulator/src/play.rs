//! Plays a scenario: sends each command at its pace, after the commands that it depends on.

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

use hyper::Method;
use tokio::{runtime::Handle, sync::Semaphore, task::JoinSet, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    client::Client,
    dependencies::Dependencies,
    outcome::Outcome,
    pace::Pace,
    requests,
    scenario::Scenario,
    statistics::{CompletedCommand, Statistics},
};

/// The longest sleep of the scheduler, which bounds its response to `stop`.
const MAX_SLEEP: Duration = Duration::from_millis(20);
/// Characters of an error response that are kept.
const DETAIL_CHARS: usize = 300;

/// Plays one scenario.
pub(crate) struct Player {
    scenario: Arc<Scenario>,
    client: Arc<Client>,
    timeout: Duration,
    dependencies: Mutex<Dependencies>,
    statistics: Mutex<Statistics>,
    /// Once cancelled, no further command is sent; the player waits for those in flight.
    stop: CancellationToken,
}

impl Player {
    pub(crate) fn new(
        scenario: Arc<Scenario>,
        client: Arc<Client>,
        pace: Pace,
        timeout: Duration,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let timed = !matches!(pace, Pace::Concurrency(_));
        let dependencies = Mutex::new(Dependencies::new(&scenario, timed));
        let statistics = Mutex::new(Statistics::new(scenario.commands().len()));
        Arc::new(Self { scenario, client, timeout, dependencies, statistics, stop })
    }

    /// The counts so far.
    pub(crate) fn statistics(&self) -> MutexGuard<'_, Statistics> {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plays until every command has ended, or until `stop`. Returns how long that took.
    pub(crate) async fn play(self: &Arc<Self>, pace: Pace) -> Duration {
        let start = Instant::now();
        self.statistics().start = start;
        match pace {
            Pace::Concurrency(workers) => self.play_concurrently(workers).await,
            Pace::Rate(_) | Pace::Ramp { .. } => self.play_at_rate(pace, start).await,
        }
        self.statistics().end_second();
        start.elapsed()
    }

    /// Each worker repeatedly sends the earliest command that may be sent, and awaits its response.
    async fn play_concurrently(self: &Arc<Self>, workers: usize) {
        let queue = Arc::new(ReadyQueue::new(self.scenario.commands().len()));
        queue.add(self.dependencies().ready());
        let mut running = JoinSet::new();
        for _ in 0..workers {
            let (player, queue) = (Arc::clone(self), Arc::clone(&queue));
            running.spawn(async move {
                while let Some(index) = queue.next(&player.stop).await {
                    player.send(index, None).await;
                    queue.add(player.complete(index).into_iter());
                }
            });
        }
        running.join_all().await;
    }

    /// Sends each command when it is due and its dependencies have ended, without a limit on the
    /// requests in flight.
    async fn play_at_rate(self: &Arc<Self>, pace: Pace, start: Instant) {
        let scheduler = Arc::new(Scheduler {
            player: Arc::clone(self),
            pace,
            start,
            in_flight: TaskTracker::new(),
            runtime: Handle::current(),
        });
        let running = tokio::task::spawn_blocking({
            let scheduler = Arc::clone(&scheduler);
            move || scheduler.run()
        });
        // An error means a panic, which the runtime has reported.
        let _ = running.await;
        scheduler.in_flight.close();
        scheduler.in_flight.wait().await;
    }

    /// Sends a command and counts its outcome. The latency begins when the command was due.
    async fn send(&self, index: u32, due: Option<Instant>) {
        let command = &self.scenario.commands()[index as usize];
        let (path, body) = requests::of_command(&self.scenario, command);
        let sent = Instant::now();
        let result = self.client.send(Method::POST, &path, body, self.timeout).await;
        let ended = Instant::now();
        let (outcome, detail) = match result {
            Ok(response) => match Outcome::of_status(response.status) {
                Outcome::Done => (Outcome::Done, String::new()),
                failed => (failed, excerpt(&response.body)),
            },
            Err(error) => (Outcome::Failed(error.category), error.detail),
        };
        let due = due.unwrap_or(sent);
        let completed = CompletedCommand { index, due, sent, ended, outcome, detail };
        self.statistics().add(completed, command);
    }

    /// Records the end of a command. Returns the commands that may be sent now.
    fn complete(&self, index: u32) -> Vec<u32> {
        self.dependencies().complete(index)
    }

    fn dependencies(&self) -> MutexGuard<'_, Dependencies> {
        self.dependencies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().chars().take(DETAIL_CHARS).collect()
}

/// The commands that may be sent, earliest first.
struct ReadyQueue {
    commands: Mutex<BinaryHeap<Reverse<u32>>>,
    /// One permit per command in the queue.
    available: Semaphore,
    /// Commands that no worker has received yet.
    left: AtomicUsize,
}

impl ReadyQueue {
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

    /// Waits for a command; `None` after the last one, or after `stop`.
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
        commands.pop().map(|Reverse(index)| index)
    }
}

/// Sends commands at their due times.
struct Scheduler {
    player: Arc<Player>,
    pace: Pace,
    start: Instant,
    in_flight: TaskTracker,
    runtime: Handle,
}

impl Scheduler {
    /// Runs on a thread of its own: the runtime's timer has a resolution of 1 ms, which would count
    /// as latency.
    fn run(self: Arc<Self>) {
        for index in (0..).take(self.player.scenario.commands().len()) {
            let Some(due) = self.pace.due(index) else { return };
            if !self.sleep_until(self.start + due) {
                return;
            }
            if self.player.dependencies().mark_due(index) {
                self.launch(index);
            }
        }
    }

    /// Returns false if the player was stopped.
    fn sleep_until(&self, time: Instant) -> bool {
        loop {
            if self.player.stop.is_cancelled() {
                return false;
            }
            let left = time.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(MAX_SLEEP));
        }
    }

    /// Sends a command; then launches the due commands that waited only for it.
    fn launch(self: &Arc<Self>, index: u32) {
        let scheduler = Arc::clone(self);
        let sending = async move {
            let due = scheduler.pace.due(index).map(|due| scheduler.start + due);
            scheduler.player.send(index, due).await;
            for next in scheduler.player.complete(index) {
                if !scheduler.player.stop.is_cancelled() {
                    scheduler.launch(next);
                }
            }
        };
        self.in_flight.spawn_on(sending, &self.runtime);
    }
}
