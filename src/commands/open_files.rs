//! The limit of open files, and so of connections.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::{info, warn};

/// Lets this process open as many files, and so connections, as the system allows it, since the
/// usual soft limit of 1,024 is a shell's.
pub(super) fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok((soft, hard))
    });
    match raised {
        Ok((soft, hard)) => info!(before = soft, now = hard, "the limit of open files is set"),
        Err(error) => warn!(%error, "the limit of open files could not be raised"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_open_files_becomes_the_hard_one() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("readable");
        raise_file_limit();
        let now = getrlimit(Resource::RLIMIT_NOFILE).expect("readable");
        assert_eq!(now, (hard, hard));
    }
}
