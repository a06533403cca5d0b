//! The progress bar of a run, drawn only on a terminal.

use std::{sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

use crate::{play::Player, report::format};

const REFRESH_INTERVAL: Duration = Duration::from_millis(200);
const TEMPLATE: &str = "{elapsed_precise} {wide_bar} {pos}/{len} {msg}";
/// The weight of the newest rate in the moving average: a rate from 3 s ago counts 4 %.
const NEWEST_WEIGHT: f64 = 0.2;

/// A bar that a task updates until [`Progress::finish`].
pub(crate) struct Progress {
    bar: ProgressBar,
    updates: JoinHandle<()>,
}

/// Shows how many of `commands` the player has completed.
pub(crate) fn show(player: Arc<Player>, commands: usize) -> Progress {
    let bar = ProgressBar::new(commands as u64);
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    let updates = tokio::spawn({
        let bar = bar.clone();
        async move {
            let mut ticks = tokio::time::interval(REFRESH_INTERVAL);
            let mut average_rate = 0.0;
            let mut previous_count = 0;
            loop {
                ticks.tick().await;
                let (count, failed, p99) = {
                    let statistics = player.statistics();
                    let p99 = statistics.all().quantile(0.99);
                    (statistics.completed(), statistics.failed(), p99)
                };
                let rate = (count - previous_count) as f64 / REFRESH_INTERVAL.as_secs_f64();
                average_rate += (rate - average_rate) * NEWEST_WEIGHT;
                previous_count = count;
                bar.set_position(count);
                let p99 = format::latency(p99);
                bar.set_message(format!("{average_rate:.0}/s, {failed} errors, p99 {p99} ms"));
            }
        }
    });
    Progress { bar, updates }
}

impl Progress {
    /// Removes the bar.
    pub(crate) async fn finish(self) {
        self.updates.abort();
        // The task may be drawing at this moment.
        let _ = self.updates.await;
        self.bar.finish_and_clear();
    }
}
