//! The size of the model, its faults, states and steps.

use Fault::*;

/// The size of the model.
#[derive(Debug, Clone)]
pub struct Batches {
    /// The number of requests.
    pub requests: u8,
    /// The most statements that run at once.
    pub max_workers: u8,
    /// The most requests in one statement.
    pub max_batch: usize,
    /// The most failures of statements other than rejected rows.
    pub max_failures: u8,
    /// The planted fault.
    pub fault: Option<Fault>,
}

/// Faults that the properties must detect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A worker answers before its statement ends.
    AnswersBeforeCommit,
    /// A worker also repeats rows after a failure that hides whether the statement committed.
    RepeatsAfterUnknownOutcome,
    /// A worker gives the results of a repeated batch to its requests in the wrong order.
    ShiftsResults,
    /// A worker that finds the queue empty ends in a second step, and misses a request between both.
    EndsInTwoSteps,
    /// A time-out also rejects a request whose statement is running.
    TimesOutRunning,
    /// One rejected row fails its whole batch.
    FailsWholeBatch,
    /// A failure of the database itself leaves the later rows of a repeated batch without an answer.
    ForgetsRest,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 7] = [
        AnswersBeforeCommit,
        RepeatsAfterUnknownOutcome,
        ShiftsResults,
        EndsInTwoSteps,
        TimesOutRunning,
        FailsWholeBatch,
        ForgetsRest,
    ];
}

/// The response to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The output of the row of the request with this number.
    Output(u8),
    /// PostgreSQL rejected the row of the request with this number.
    RowRejected(u8),
    /// PostgreSQL rolled back for another reason.
    RolledBack,
    /// The outcome is unknown.
    Unknown,
    /// The worker panicked; the outcome is unknown.
    Abandoned,
    /// The request timed out in the queue.
    Overloaded,
}

/// A request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Request {
    /// Whether PostgreSQL rejects its row.
    pub bad: bool,
    /// Whether its time-out has passed.
    pub timed_out: bool,
    /// How often its row was committed.
    pub applied: u8,
    /// All its answers; more than one is an error.
    pub answers: Vec<Answer>,
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Worker {
    /// About to take a batch.
    Free,
    /// Has found the queue empty, and is about to end.
    Ending,
    /// Runs the statement of a whole batch.
    Whole(Vec<u8>),
    /// Runs the rows of a batch one by one; the first of the list is running.
    OneByOne(Vec<u8>),
    /// Sends these answers.
    Answering(Vec<(u8, Answer)>, Vec<u8>),
}

/// A state of the process and of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The requests, in the order of their arrival.
    pub requests: Vec<Request>,
    /// How many requests have arrived.
    pub arrived: u8,
    /// The numbers of the queued requests.
    pub queue: Vec<u8>,
    /// The workers; an ended one leaves its place empty.
    pub workers: Vec<Option<Worker>>,
    /// How many failures are still to come at most.
    pub failures_left: u8,
    /// Whether the process has crashed.
    pub crashed: bool,
}

/// How a statement ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// It commits.
    Commit,
    /// It rolls back, because of a rejected row.
    RejectRow,
    /// It rolls back, as after a deadlock; a repetition may succeed.
    Deadlock,
    /// The connection ends before or after the commit.
    ConnectionLost {
        /// Whether it had committed.
        committed: bool,
    },
    /// The worker panics before or after the commit.
    Panic {
        /// Whether it had committed.
        committed: bool,
    },
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The next request arrives, and starts a worker if one may start.
    Arrive,
    /// The time-out of a request passes.
    TimeOut(u8),
    /// A worker takes a batch or ends.
    Take(usize),
    /// A worker that found the queue empty ends (only with a planted fault).
    End(usize),
    /// The statement of a worker ends.
    Finish(usize, Ending),
    /// A worker sends one answer.
    Send(usize),
    /// The process crashes.
    Crash,
}
