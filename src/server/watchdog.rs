//! Ends a server when its runtime hangs. Supervisors restart a process that ends, but rarely one
//! that does not respond.
//!
//! The watched task increments a counter after each round trip through a worker. A thread outside
//! the runtime checks that the counter increases. An HTTP request would not do: it also fails if
//! the server is busy or has no free connection.

use std::{
    io,
    pin::pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// The interval of the increments and of the checks. The watchdog counts checks, so a pause of the
/// whole process counts as one interval, however long it is.
const INTERVAL: Duration = Duration::from_secs(1);

/// Runs `future` to its end. Calls `on_hang` on another thread if the runtime runs neither this
/// task nor its workers for `timeout`, in whole seconds.
pub async fn watch<T>(
    timeout: Duration,
    on_hang: impl FnOnce() + Send + 'static,
    future: impl Future<Output = T>,
) -> io::Result<T> {
    watch_every(INTERVAL, timeout.as_secs(), on_hang, future).await
}

async fn watch_every<T>(
    interval: Duration,
    allowed_misses: u64,
    on_hang: impl FnOnce() + Send + 'static,
    future: impl Future<Output = T>,
) -> io::Result<T> {
    let counter = Arc::new(AtomicU64::new(0));
    let watched = Arc::downgrade(&counter);
    thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        if hangs(&watched, interval, allowed_misses) {
            on_hang();
        }
    })?;
    let mut future = pin!(future);
    loop {
        let round_trip = async {
            tokio::time::sleep(interval).await;
            // It matters only that a worker runs it.
            let _ = tokio::spawn(async {}).await;
        };
        tokio::select! {
            output = &mut future => return Ok(output),
            () = round_trip => counter.fetch_add(1, Ordering::Relaxed),
        };
    }
}

/// Returns true once the counter has not increased for too many intervals, and false once it is
/// dropped.
fn hangs(counter: &Weak<AtomicU64>, interval: Duration, allowed_misses: u64) -> bool {
    let (mut last, mut misses) = (0, 0);
    while misses < allowed_misses {
        thread::sleep(interval);
        let Some(counter) = counter.upgrade() else { return false };
        let count = counter.load(Ordering::Relaxed);
        misses = if count == last { misses + 1 } else { 0 };
        last = count;
    }
    true
}

#[cfg(test)]
mod tests {
    use std::{future, sync::mpsc};

    use tokio::runtime::{Builder, Runtime};

    use super::*;

    const SHORT: Duration = Duration::from_millis(1);
    const DEADLINE: Duration = Duration::from_secs(60);

    fn runtime() -> Runtime {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build();
        runtime.expect("a runtime")
    }

    #[test]
    fn a_runtime_whose_workers_are_blocked_hangs() {
        let runtime = runtime();
        let (unblock, blocked) = mpsc::channel::<()>();
        runtime.spawn(async move { blocked.recv() });
        let (on_hang, hung) = tokio::sync::oneshot::channel();
        let watched =
            watch_every(SHORT, 20, move || on_hang.send(()).expect("the test still runs"), async {
                hung.await.expect("the watchdog calls it")
            });
        runtime.block_on(watched).expect("a thread");
        drop(unblock);
    }

    #[test]
    fn a_task_that_is_not_polled_hangs() {
        let (on_hang, hung) = mpsc::channel();
        let watched =
            watch_every(SHORT, 20, move || on_hang.send(()).expect("the test still runs"), async {
                hung.recv_timeout(DEADLINE)
            });
        assert_eq!(runtime().block_on(watched).expect("a thread"), Ok(()));
    }

    #[test]
    fn a_live_runtime_does_not_hang() {
        let counter = Arc::new(AtomicU64::new(0));
        let watched = Arc::downgrade(&counter);
        let watching = thread::spawn(move || hangs(&watched, SHORT, 60_000));
        for _ in 0..50 {
            counter.fetch_add(1, Ordering::Relaxed);
            thread::sleep(SHORT);
        }
        drop(counter);
        assert!(!watching.join().expect("no panic"));
    }

    #[test]
    fn the_watch_ends_with_the_future() {
        let (on_hang, hung) = mpsc::channel::<()>();
        let watched = watch_every(SHORT, 60_000, move || drop(on_hang), future::ready(7));
        assert_eq!(runtime().block_on(watched).expect("a thread"), 7);
        // The thread drops `on_hang` without a call.
        assert_eq!(hung.recv_timeout(DEADLINE), Err(mpsc::RecvTimeoutError::Disconnected));
    }
}
