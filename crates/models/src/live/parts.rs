//! The size of the model, its faults, states and steps.

use Fault::*;

/// The size of the model.
#[derive(Debug, Clone)]
pub struct Live {
    /// The number of transactions; each inserts one message.
    pub writers: usize,
    /// The number of servers.
    pub servers: usize,
    /// The most polls of each server.
    pub max_polls: u8,
    /// The last time that the clock reaches.
    pub max_clock: u8,
    /// How far the clock may step back, once.
    pub step_back: u8,
    /// How many polls a server waits for one transaction.
    pub max_wait: u8,
    /// Whether transactions may be prepared for a two-phase commit.
    pub prepares: bool,
    /// The most deletions of the latest message.
    pub max_deletions: u8,
    /// The most crashes of PostgreSQL and of servers together.
    pub max_crashes: u8,
    /// The planted fault.
    pub fault: Option<Fault>,
}

/// Faults that the properties must detect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Streams send what a poll sees at once.
    WaitsForNothing,
    /// A server takes the clock as the time before which nothing can be published.
    TrustsTheClock,
    /// A message gets the time of the clock, even if that has stepped back.
    PublishesByTheClock,
    /// A message gets its time before its transaction has a lock.
    TimesBeforeLock,
    /// A server waits for the transactions whose locks it sees, not for their visibility.
    ForgetsUnseen,
    /// A server reads the locks before it takes the time.
    LocksBeforeTime,
    /// The deletion of the latest message makes its time free again.
    ForgetsDeleted,
    /// A client that reconnects gets the missed messages before they are complete.
    CatchesUpAtOnce,
    /// A server never stops waiting for a transaction.
    WaitsForever,
    /// A client continues where the server is, not after its last message.
    SkipsMissed,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 10] = [
        WaitsForNothing,
        TrustsTheClock,
        PublishesByTheClock,
        TimesBeforeLock,
        ForgetsUnseen,
        LocksBeforeTime,
        ForgetsDeleted,
        CatchesUpAtOnce,
        WaitsForever,
        SkipsMissed,
    ];
}

/// The time and the id of a message, or of a place between messages.
pub type Cursor = (u8, u8);

/// The stage of a transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Not begun.
    #[default]
    New,
    /// It has a number and a lock.
    Numbered,
    /// It has a snapshot, in which this is the latest publication time.
    Reading(u8),
    /// Its message has this time. After `PREPARE TRANSACTION` a crash does not end it.
    Timed {
        /// The time of the message.
        time: u8,
        /// Whether the transaction holds its lock.
        locked: bool,
        /// Whether it is prepared.
        prepared: bool,
    },
    /// It has committed, and is about to release its lock.
    Visible(u8),
    /// It has committed and released its lock.
    Committed(u8),
    /// It was rolled back, or its message was deleted.
    Gone,
}

/// What a poll has found so far.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// All messages that are published after the poll get this time or a later one.
    pub at: u8,
    /// The transactions that it does not show.
    pub unseen: Vec<u8>,
    /// The messages after the server's position, in order.
    pub messages: Vec<Cursor>,
    pub(super) locks: Option<Vec<u8>>,
}

/// A server's task for its subscribers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Server {
    /// The messages up to here have been sent. `None` without subscribers.
    pub position: Option<Cursor>,
    /// The number of polls.
    pub polls: u8,
    /// The time before which no message can still commit.
    pub watermark: u8,
    /// The polls from the watermark on: the time of each, and the transactions running then.
    pub(super) pending: Vec<(u8, Vec<u8>)>,
    pub(super) first_seen: Vec<Option<u8>>,
    /// A poll that has taken the clock.
    pub(super) clock: Option<u8>,
    pub(super) snapshot: Option<Snapshot>,
}

/// A client of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Client {
    pub(super) server: Option<usize>,
    /// The first position of its stream.
    pub(super) start: Option<Cursor>,
    /// The messages that it has received.
    pub received: Vec<Cursor>,
    /// The end of the messages that it missed while it was not connected.
    pub(super) missed: Option<Cursor>,
    /// The messages that its server has sent since then.
    pub(super) waiting: Vec<Cursor>,
}

/// A state of PostgreSQL, the servers and a client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) clock: u8,
    pub(super) step_back: u8,
    /// The transactions.
    pub writers: Vec<Stage>,
    /// The latest time of a deleted message.
    pub(super) floor: u8,
    /// The servers.
    pub servers: Vec<Server>,
    /// The client.
    pub client: Client,
    /// The transactions that a server has ceased to wait for.
    pub(super) ignored: Vec<u8>,
    pub(super) deletions_left: u8,
    pub(super) crashes_left: u8,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The clock advances.
    Tick,
    /// The clock steps back.
    StepBack,
    /// A transaction gets its number and its lock.
    Begin(usize),
    /// A transaction takes the snapshot of the latest publication.
    Read(usize),
    /// A transaction takes the time of its message.
    Time(usize),
    /// A transaction is prepared.
    Prepare(usize),
    /// A transaction commits; others see its message.
    Commit(usize),
    /// A transaction releases its lock.
    Release(usize),
    /// A transaction is rolled back.
    Abort(usize),
    /// The latest message is deleted.
    Delete(usize),
    /// The client connects to a server, which polls from then on.
    Connect(usize),
    /// The client disconnects.
    Disconnect,
    /// A poll takes the clock.
    PollClock(usize),
    /// A poll takes its snapshot.
    PollSnapshot(usize),
    /// A poll reads the locks; the server sends what is complete.
    PollLocks(usize),
    /// The client gets the messages that it missed.
    CatchUp,
    /// PostgreSQL crashes: running transactions are rolled back, polls fail.
    CrashDatabase,
    /// A server crashes.
    CrashServer(usize),
}
