//! Ends a server that hangs: supervisors start again what ends, but mostly not what has stopped
//! answering.
//!
//! A thread that the runtime knows nothing of asks again and again for a sign of life, which comes by
//! way of the task that accepts connections and of a worker. It does not ask by HTTP: a server that
//! is busy, or has as many connections as it may, is not one that hangs.

use std::{io, sync::mpsc, thread, time::Duration};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How often the server is asked, and by how much its time runs out when it does not answer. Time
/// that the whole process is stopped for counts as one of these: it is not the server's fault.
const BEAT: Duration = Duration::from_secs(1);

/// Wants a sign of life.
type Asker = mpsc::Sender<()>;

/// The end of a watchdog that the watched one holds. Dropped, it ends the watch.
#[derive(Debug)]
pub struct Watched(UnboundedReceiver<Asker>);

impl Watched {
    /// Gives signs of life, for as long as the runtime has both this task and its workers run.
    pub async fn live(mut self) {
        while let Some(asker) = self.0.recv().await {
            // Nobody hears it when it comes too late.
            let _ = tokio::spawn(async move { asker.send(()) }).await;
        }
    }
}

/// Begins to watch. `give_up` is called, on another thread, when there was no sign of life for
/// `patience`, in whole seconds.
///
/// # Errors
/// When there can be no more threads.
pub fn start(patience: Duration, give_up: impl FnOnce() + Send + 'static) -> io::Result<Watched> {
    begin(patience.as_secs(), BEAT, give_up)
}

fn begin(
    beats: u64,
    beat: Duration,
    give_up: impl FnOnce() + Send + 'static,
) -> io::Result<Watched> {
    let (ask, asked) = unbounded_channel();
    thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        if watch(&ask, beats, beat) == Ended::Hung {
            give_up();
        }
    })?;
    Ok(Watched(asked))
}

/// Why nobody is watched any more.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// The watched one has ended.
    Well,
    /// It gave no sign of life.
    Hung,
}

fn watch(ask: &UnboundedSender<Asker>, beats: u64, beat: Duration) -> Ended {
    loop {
        let (asker, sign) = mpsc::channel();
        if ask.send(asker).is_err() {
            return Ended::Well;
        }
        let mut missed = 0;
        loop {
            match sign.recv_timeout(beat) {
                Ok(()) => break,
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ended::Well,
                Err(mpsc::RecvTimeoutError::Timeout) if missed + 1 < beats => missed += 1,
                Err(mpsc::RecvTimeoutError::Timeout) => return Ended::Hung,
            }
        }
        thread::sleep(beat);
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    const QUICK: Duration = Duration::from_millis(1);
    const DEADLINE: Duration = Duration::from_secs(60);

    fn runtime() -> Runtime {
        let runtime = Builder::new_multi_thread().worker_threads(1).build();
        runtime.expect("a runtime")
    }

    /// A watch, and what hears that it has been given up.
    fn watched() -> (Watched, mpsc::Receiver<()>) {
        let (gave_up, given_up) = mpsc::channel();
        let give_up = move || gave_up.send(()).expect("the test goes on");
        (begin(20, QUICK, give_up).expect("a thread"), given_up)
    }

    #[test]
    fn a_runtime_whose_workers_are_blocked_is_given_up() {
        let (watched, given_up) = watched();
        let runtime = runtime();
        let (end, has_ended) = mpsc::channel::<()>();
        runtime.spawn(async move { has_ended.recv() });
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let main = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! { () = watched.live() => {}, _ = stopped => {} }
            });
        });
        assert_eq!(given_up.recv_timeout(DEADLINE), Ok(()));
        drop(end);
        drop(stop);
        main.join().expect("no panic");
    }

    #[test]
    fn a_task_that_does_not_get_its_turn_is_given_up() {
        let (_watched, given_up) = watched();
        assert_eq!(given_up.recv_timeout(DEADLINE), Ok(()));
    }

    #[test]
    fn what_lives_and_ends_is_not_given_up() {
        let (ask, mut asked) = unbounded_channel();
        let watching = thread::spawn(move || watch(&ask, 60_000, QUICK));
        for _ in 0..50 {
            asked.blocking_recv().expect("it is asked again").send(()).expect("it waits");
        }
        drop(asked);
        assert_eq!(watching.join().expect("no panic"), Ended::Well);
    }
}
