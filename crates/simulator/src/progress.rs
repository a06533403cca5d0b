//! The bar that shows how far a run is, where somebody looks: on a terminal.

use std::{sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

use super::{play::Player, table::written};

/// How often it is drawn.
const INTERVAL: Duration = Duration::from_millis(200);
const TEMPLATE: &str = "{elapsed_precise} {wide_bar} {pos}/{len} {msg}";

/// A bar that is kept up to date until it is finished.
pub(super) struct Progress {
    bar: ProgressBar,
    updates: JoinHandle<()>,
}

/// Shows how far `player` is with so many commands. It draws nothing where there is no terminal.
pub(super) fn show(player: Arc<Player>, commands: usize) -> Progress {
    let bar = ProgressBar::new(commands as u64);
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    let updates = tokio::spawn({
        let bar = bar.clone();
        async move {
            let mut ticks = tokio::time::interval(INTERVAL);
            let mut recent = 0.0;
            let mut counted = 0;
            loop {
                ticks.tick().await;
                let (count, failed, p99) = {
                    let statistics = player.statistics();
                    let all = statistics.all();
                    (all.count, all.failed(), all.quantile(0.99))
                };
                // A mean in which what was three seconds ago hardly counts any more.
                let now = (count - counted) as f64 / INTERVAL.as_secs_f64();
                (recent, counted) = (recent + (now - recent) * 0.2, count);
                bar.set_position(count);
                bar.set_message(format!("{recent:.0}/s, {failed} errors, p99 {} ms", written(p99)));
            }
        }
    });
    Progress { bar, updates }
}

impl Progress {
    /// Takes the bar away.
    pub(super) async fn finish(self) {
        self.updates.abort();
        // It may be drawing just now.
        let _ = self.updates.await;
        self.bar.finish_and_clear();
    }
}
