//! Counts each command with its outcome and the time until the response.
//!
//! Outermost of the surface, so that the time includes the body and the commit of `latest`.

use std::{sync::Arc, time::Instant};

use poem::{Endpoint, Request, Response, Result, http::Method};

use crate::telemetry::simulator_metrics::{Outcome, SimulatorCommand, count};

/// Calls `endpoint`, and counts the command.
pub(super) async fn count_commands<E: Endpoint<Output = Response>>(
    endpoint: Arc<E>,
    request: Request,
) -> Result<Response> {
    let mut pending = Pending {
        command: command_of(request.method(), request.uri().path()),
        outcome: Outcome::Aborted,
        begun: Instant::now(),
    };
    let result = endpoint.call(request).await;
    let status = result.as_ref().map_or_else(poem::Error::status, Response::status);
    pending.outcome = Outcome::of(status.as_u16());
    result
}

/// Counted on drop, so that a command whose client has disconnected is counted, too.
struct Pending {
    command: SimulatorCommand,
    outcome: Outcome,
    begun: Instant,
}

impl Drop for Pending {
    fn drop(&mut self) {
        count(self.command, self.outcome, self.begun.elapsed());
    }
}

fn command_of(method: &Method, path: &str) -> SimulatorCommand {
    let mut segments = path.split('/').skip(1);
    let (resource, user) = (segments.next(), segments.next());
    match (method, resource, user) {
        (&Method::GET, Some("latest"), None) => SimulatorCommand::Latest,
        (&Method::POST, Some("register"), None) => SimulatorCommand::Register,
        (&Method::GET, Some("msgs"), None) => SimulatorCommand::Messages,
        (&Method::GET, Some("msgs"), Some(_)) => SimulatorCommand::UserMessages,
        (&Method::POST, Some("msgs"), Some(_)) => SimulatorCommand::Tweet,
        (&Method::GET, Some("fllws"), Some(_)) => SimulatorCommand::Followees,
        (&Method::POST, Some("fllws"), Some(_)) => SimulatorCommand::FollowOrUnfollow,
        _ => SimulatorCommand::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn method_and_path_tell_the_command() {
        for (method, path, command) in [
            (Method::GET, "/latest", SimulatorCommand::Latest),
            (Method::POST, "/register", SimulatorCommand::Register),
            (Method::GET, "/msgs", SimulatorCommand::Messages),
            (Method::GET, "/msgs/ann", SimulatorCommand::UserMessages),
            (Method::POST, "/msgs/ann", SimulatorCommand::Tweet),
            (Method::GET, "/fllws/ann", SimulatorCommand::Followees),
            (Method::POST, "/fllws/ann", SimulatorCommand::FollowOrUnfollow),
            (Method::POST, "/fllws", SimulatorCommand::Other),
            (Method::HEAD, "/latest", SimulatorCommand::Other),
            (Method::GET, "/", SimulatorCommand::Other),
        ] {
            assert_eq!(command_of(&method, path), command, "{method} {path}");
        }
    }
}
