//! The limit of open files, which also limits connections.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::{info, warn};

use crate::config::ServeArgs;

/// Open files besides the connections of clients and of the pool: listeners, pipes, the log, the
/// runtime, and connections that are accepted and not yet served.
const OTHER_FILES: u64 = 64;

/// Raises the limit of open files, and returns the number of connections that fit into it at each
/// listening address, at most `--max-connections`. Logs a warning if that is lower.
pub(super) fn fit_connections(settings: &ServeArgs) -> usize {
    let wanted = settings.limits.max_connections;
    let Some(files) = raise_file_limit() else { return wanted as usize };
    let addresses = [settings.simulator_listen, settings.address.operations_listen];
    let addresses = 1 + addresses.iter().flatten().count() as u64;
    let reserved = OTHER_FILES + u64::from(settings.pool.database_connections);
    let fitting = fitting(wanted.into(), files, reserved, addresses);
    if fitting < wanted.into() {
        warn!(
            open_files = files,
            max_connections = fitting,
            "the limit of open files is too low for --max-connections {wanted}; raise it (ulimit -n)"
        );
    }
    fitting.try_into().unwrap_or(usize::MAX)
}

/// At least one connection, even if the limit leaves none.
fn fitting(wanted: u64, files: u64, reserved: u64, addresses: u64) -> u64 {
    wanted.min(files.saturating_sub(reserved) / addresses).max(1)
}

/// Raises the soft limit of open files, usually 1,024, to the hard limit. Returns the limit now;
/// `None` if it is unknown.
pub(super) fn raise_file_limit() -> Option<u64> {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok((soft, hard))
    });
    match raised {
        Ok((soft, hard)) => {
            info!(before = soft, now = hard, "set the limit of open files");
            Some(hard)
        }
        Err(error) => {
            warn!(%error, "cannot raise the limit of open files");
            getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_limit() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("readable");
        assert_eq!(raise_file_limit(), Some(hard));
        let now = getrlimit(Resource::RLIMIT_NOFILE).expect("readable");
        assert_eq!(now, (hard, hard));
    }

    #[test]
    fn connections_fit_into_the_limit_of_open_files() {
        for (wanted, files, addresses, expected) in [
            (4096, 1 << 20, 3, 4096),
            (4096, u64::MAX, 1, 4096),
            (4096, 1024, 1, 944),
            (4096, 1024, 2, 472),
            (100, 1024, 1, 100),
            (4096, 40, 1, 1),
        ] {
            assert_eq!(fitting(wanted, files, 80, addresses), expected, "{files}");
        }
    }
}
