//! Classes of statements and their bounds: connections, queue, statement time-out.
//!
//! Each class of reads has bounds of its own, so that costly or anonymous reads cannot take what
//! commands and sign-ins need.

use std::time::Duration;

/// With fewer connections in total, all classes of reads share half of them.
const MIN_CONNECTIONS_FOR_SHARES: u32 = 8;

/// A class of statements. The caller chooses it, because one query can serve different clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Everything that no other class contains: the simulator's commands, sign-ins, registrations,
    /// other writes, and maintenance.
    Commands,
    /// Reads of single rows, such as the session of a request. They use at most half of the
    /// connections for commands.
    LookUps,
    /// Lists that only clients with the simulator's credentials can request.
    SimulatorReads,
    /// Searches.
    Search,
    /// Timelines, feeds, and the missed messages of streams.
    Timelines,
    /// Lists of users.
    Lists,
}

impl Class {
    /// All classes, in the order of their declaration.
    pub const ALL: [Self; 6] = [
        Self::Commands,
        Self::LookUps,
        Self::SimulatorReads,
        Self::Search,
        Self::Timelines,
        Self::Lists,
    ];

    /// The name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::LookUps => "look_ups",
            Self::SimulatorReads => "simulator_reads",
            Self::Search => "search",
            Self::Timelines => "timelines",
            Self::Lists => "lists",
        }
    }
}

impl Class {
    /// The name of the queue in metrics.
    pub(super) fn queue_name(self) -> &'static str {
        match self {
            Self::Commands => "statements_commands",
            Self::LookUps => "statements_look_ups",
            Self::SimulatorReads => "statements_simulator_reads",
            Self::Search => "statements_search",
            Self::Timelines => "statements_timelines",
            Self::Lists => "statements_lists",
        }
    }
}

/// The bounds of one class of reads.
#[derive(Debug, Clone, Copy)]
pub struct ReadBounds {
    /// The connections, which is also the number of statements that run at once; `None` is an
    /// eighth of all connections.
    pub connections: Option<u32>,
    /// How many statements may wait for a connection.
    pub queue: usize,
    /// The longest that one statement may run.
    pub statement_timeout: Duration,
}

/// The bounds of all classes of reads that have settings.
#[derive(Debug, Clone, Copy)]
pub struct ReadSettings {
    /// Searches.
    pub search: ReadBounds,
    /// Timelines.
    pub timelines: ReadBounds,
    /// Lists of users.
    pub lists: ReadBounds,
}

impl ReadSettings {
    /// The same time-out for all classes, and queues that are never full in practice.
    pub const fn with_timeout(statement_timeout: Duration) -> Self {
        let bounds = ReadBounds { connections: None, queue: 1_024, statement_timeout };
        Self { search: bounds, timelines: bounds, lists: bounds }
    }
}

/// Settings of the pools.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// The maximum of connections, of all classes together.
    pub max_connections: u32,
    /// The longest wait for a connection.
    pub acquire_timeout: Duration,
    /// The longest that one statement may run (`statement_timeout`), except a read.
    pub statement_timeout: Duration,
    /// The bounds of reads.
    pub reads: ReadSettings,
}

/// The connections of each class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shares {
    pub(super) commands: u32,
    pub(super) simulator_reads: u32,
    pub(super) search: u32,
    pub(super) timelines: u32,
    pub(super) lists: u32,
}

impl Shares {
    /// `None` if there are too few connections for a share of each class.
    pub(super) fn of(total: u32, reads: &ReadSettings) -> Option<Self> {
        if total < MIN_CONNECTIONS_FOR_SHARES {
            return None;
        }
        let share = |bounds: &ReadBounds| bounds.connections.unwrap_or(total / 8);
        let (search, timelines, lists) =
            (share(&reads.search), share(&reads.timelines), share(&reads.lists));
        let simulator_reads = total / 4;
        // The settings are checked at start; this is for callers that skip the check.
        let commands = total.saturating_sub(search + timelines + lists + simulator_reads).max(1);
        Some(Self { commands, simulator_reads, search, timelines, lists })
    }
}

/// The reads of a pool have so many connections that too few are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "--search-connections, --timeline-connections and --list-connections (together {reads}) must \
     leave at least half of --database-connections ({total})"
)]
pub struct TooManyReads {
    reads: u32,
    total: u32,
}

impl PoolSettings {
    /// Returns an error if the reads take more than half of the connections.
    pub fn check(&self) -> Result<(), TooManyReads> {
        let total = self.max_connections;
        let Some(shares) = Shares::of(total, &self.reads) else { return Ok(()) };
        let reads = shares.search + shares.timelines + shares.lists;
        if reads > total / 2 { Err(TooManyReads { reads, total }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(total: u32, search: Option<u32>) -> PoolSettings {
        let second = Duration::from_secs(1);
        let mut reads = ReadSettings::with_timeout(second);
        reads.search.connections = search;
        PoolSettings {
            max_connections: total,
            acquire_timeout: second,
            statement_timeout: second,
            reads,
        }
    }

    #[test]
    fn commands_keep_a_share_of_every_number_of_connections() {
        for total in 0..200 {
            let settings = settings(total, None);
            assert_eq!(settings.check(), Ok(()), "{total}");
            let Some(shares) = Shares::of(total, &settings.reads) else {
                assert!(total < MIN_CONNECTIONS_FOR_SHARES);
                continue;
            };
            let Shares { commands, simulator_reads, search, timelines, lists } = shares;
            assert_eq!(commands + simulator_reads + search + timelines + lists, total);
            assert!(commands >= total / 3, "{total}: {shares:?}");
            assert!([simulator_reads, search, timelines, lists].iter().all(|share| *share > 0));
        }
    }

    #[test]
    fn reads_that_leave_too_few_connections_are_rejected_with_the_settings() {
        assert_eq!(settings(16, Some(4)).check(), Ok(()));
        let rejection = settings(16, Some(5)).check().expect_err("9 of 16").to_string();
        assert!(rejection.contains("--search-connections") && rejection.contains("(together 9)"));
        assert!(rejection.contains("--database-connections (16)"), "{rejection}");
    }
}
