//! The size of the model, its faults, states and steps.

use Fault::*;

/// The size of the model.
#[derive(Debug, Clone)]
pub struct Latest {
    /// The number of processes.
    pub processes: usize,
    /// The number of requests.
    pub requests: usize,
    /// The most statements whose outcome a process does not learn.
    pub max_failures: u8,
    /// The most crashes of PostgreSQL and of processes together.
    pub max_crashes: u8,
    /// The planted fault.
    pub fault: Option<Fault>,
}

/// Faults that the properties must detect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A request is answered when its write begins.
    AnswersBeforeCommit,
    /// The largest value wins instead of the last.
    KeepsLargest,
    /// A write also completes requests that arrived while it ran.
    CompletesTooMany,
    /// A request sees only the outcome of the last write, which may be a later one than its own.
    RemembersOneOutcome,
    /// A write does not expect a number, so a statement that was given up may replace a later value.
    ExpectsNothing,
    /// A request that arrives during a write does not cause another one.
    MissesArrivals,
    /// Each process numbers its writes itself.
    NumbersAlone,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 7] = [
        AnswersBeforeCommit,
        KeepsLargest,
        CompletesTooMany,
        RemembersOneOutcome,
        ExpectsNothing,
        MissesArrivals,
        NumbersAlone,
    ];
}

/// A request; its place in the list is the order of arrival.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    /// The process that it arrived at.
    pub process: usize,
    /// The row of this process, which a process that replaces it does not share.
    pub(super) row: usize,
    /// Its number among the requests of this process.
    pub number: usize,
    /// The requests that had succeeded when it arrived.
    pub(super) after: Vec<usize>,
    /// Whether its answer is a success.
    pub answer: Option<bool>,
    /// Whether its process crashed before it was answered.
    pub(super) forgotten: bool,
    /// Whether its answer is a failure although its value had been written.
    pub(super) failed_wrongly: bool,
    /// Whether a crash of PostgreSQL may not lose its value.
    pub(super) flushed: bool,
    /// Whether a crash of PostgreSQL may have lost its value.
    pub(super) excused: bool,
}

/// The write of a process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Write {
    pub(super) row: usize,
    /// The request whose value it writes.
    pub request: usize,
    /// The number of that request.
    pub number: usize,
    pub(super) expected: Option<u8>,
    pub(super) drawn: Option<u8>,
    /// Whether it changed the row; unknown until PostgreSQL has run it.
    pub(super) changed: Option<bool>,
}

/// A server process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Process {
    pub(super) row: usize,
    /// How many requests have been recorded.
    pub recorded: usize,
    pub(super) last: Option<usize>,
    /// The running write.
    pub write: Option<Write>,
    /// The number of its row, if it knows it; it reads it after a failure.
    pub(super) expected: Option<u8>,
    pub(super) must_read: bool,
    /// All requests up to this number have been written.
    pub succeeded: usize,
    /// The last request whose write has failed.
    pub failed: usize,
}

/// A state of all processes and of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The requests, in the order of arrival.
    pub requests: Vec<Request>,
    /// The processes.
    pub processes: Vec<Process>,
    /// The rows: a number and a request each.
    pub(super) rows: Vec<Option<(u8, usize)>>,
    /// What is left of the rows if PostgreSQL crashes.
    pub(super) flushed: Vec<Option<(u8, usize)>>,
    pub(super) drawn: u8,
    /// Statements that a process has given up and PostgreSQL may still run.
    pub(super) strays: Vec<Write>,
    pub(super) failures_left: u8,
    pub(super) crashes_left: u8,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A request arrives at a process.
    Arrive(usize),
    /// A process learns the number of its row, after a failure.
    Read(usize),
    /// A process begins a write of the last value.
    Begin(usize),
    /// The statement of a process draws its number.
    Draw(usize),
    /// The statement of a process commits.
    Commit(usize),
    /// The process learns that its statement has committed.
    Return(usize),
    /// The process gives its statement up.
    GiveUp(usize),
    /// PostgreSQL runs a statement that was given up.
    RunStray(usize),
    /// A request notices the outcome of a write.
    Answer(usize),
    /// PostgreSQL writes its log to disk.
    Flush,
    /// PostgreSQL crashes and loses what it has not flushed.
    CrashDatabase,
    /// A process crashes, and another one replaces it.
    CrashProcess(usize),
}
