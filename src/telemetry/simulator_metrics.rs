//! The simulator's commands by command, outcome, and whether the response was in time.
//!
//! All labels are known, so all counters exist from the start, and counting is one look-up in an array.

use std::{array, sync::LazyLock, time::Duration};

use metrics::{Counter, counter, describe_counter};

const COMMANDS: &str = "minitwit_simulator_commands_total";

/// The simulator closes a connection after this time.
const IN_TIME: Duration = Duration::from_millis(300);

/// A command of the simulator, as its method and path tell. Both following and unfollowing are
/// `follow_or_unfollow`, because the body tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimulatorCommand {
    /// Reads the newest command number.
    Latest,
    /// Registers a user.
    Register,
    /// Reads the public timeline.
    Messages,
    /// Reads the messages of a user.
    UserMessages,
    /// Posts a message.
    Tweet,
    /// Reads the followed users.
    Followees,
    /// Follows or unfollows.
    FollowOrUnfollow,
    /// Another method or path.
    Other,
}

const COMMAND_LABELS: [&str; 8] = [
    "latest",
    "register",
    "messages",
    "user_messages",
    "tweet",
    "followees",
    "follow_or_unfollow",
    "other",
];

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The command succeeded.
    Ok,
    /// The credentials are wrong or absent.
    Unauthorized,
    /// The user does not exist.
    NotFound,
    /// The request breaks another rule.
    Invalid,
    /// The body did not arrive in time.
    Timeout,
    /// The server rejected the command because too many wait.
    Overloaded,
    /// The server failed.
    Failed,
    /// The client closed the connection before the response.
    Aborted,
}

const OUTCOME_LABELS: [&str; 8] =
    ["ok", "unauthorized", "not_found", "invalid", "timeout", "overloaded", "failed", "aborted"];

impl Outcome {
    /// The outcome that a status tells.
    pub fn of(status: u16) -> Self {
        match status {
            200..=399 => Self::Ok,
            401 | 403 => Self::Unauthorized,
            404 => Self::NotFound,
            408 => Self::Timeout,
            429 | 503 => Self::Overloaded,
            400..=499 => Self::Invalid,
            _ => Self::Failed,
        }
    }
}

type Counters = [[[Counter; 2]; OUTCOME_LABELS.len()]; COMMAND_LABELS.len()];

static COUNTERS: LazyLock<Counters> = LazyLock::new(|| {
    array::from_fn(|command| {
        array::from_fn(|outcome| {
            array::from_fn(|in_time| {
                let counter = counter!(
                    COMMANDS,
                    "command" => COMMAND_LABELS[command],
                    "outcome" => OUTCOME_LABELS[outcome],
                    "in_time" => ["false", "true"][in_time],
                );
                counter.increment(0);
                counter
            })
        })
    })
});

pub(super) fn describe() {
    describe_counter!(
        COMMANDS,
        "Simulator commands by command, outcome, and whether the response took at most 300 ms"
    );
    LazyLock::force(&COUNTERS);
}

/// Counts a command and the time until its response.
pub fn count(command: SimulatorCommand, outcome: Outcome, duration: Duration) {
    let in_time = usize::from(duration <= IN_TIME);
    COUNTERS[command as usize][outcome as usize][in_time].increment(1);
}
