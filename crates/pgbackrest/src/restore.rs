//! What to restore, and where.

use std::path::PathBuf;

/// Stands for `restore_command` in the restored files. The server gets the real one as an option of its
/// start, because pgBackRest does not quote a value in a file. With this, recovery ends with an error.
const PLACEHOLDER: &str = "restore_command-is-not-set";

/// A restore into an empty directory. The server that is started on it needs
/// [`crate::PgBackRest::restore_command`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// The directory that receives the files now, absolute and empty.
    pub directory: PathBuf,
    /// The name of the backup; `None` chooses the newest.
    pub set: Option<String>,
    /// Where the replay of WAL ends.
    pub target: Target,
    /// The timeline to follow; `None` follows the newest one, or for [`Target::Immediate`] that of the
    /// backup.
    pub timeline: Option<u32>,
}

/// Where the replay of WAL ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// After the last archived WAL.
    Latest,
    /// At a time, in a form that PostgreSQL reads. There must be a later transaction.
    Time(String),
    /// As soon as the backup is consistent.
    Immediate,
}

impl Restore {
    /// The options of `pgbackrest restore`.
    pub(crate) fn options(&self) -> Vec<String> {
        let mut options = vec![
            format!("--pg1-path={}", self.directory.display()),
            format!("--recovery-option=restore_command={PLACEHOLDER}"),
        ];
        options.extend(self.set.as_ref().map(|set| format!("--set={set}")));
        match &self.target {
            Target::Latest => options.push("--type=default".to_owned()),
            Target::Time(time) => {
                options.extend(["--type=time".to_owned(), format!("--target={time}")]);
                options.push("--target-action=promote".to_owned());
            }
            Target::Immediate => {
                options.push("--type=immediate".to_owned());
                options.push("--target-action=promote".to_owned());
            }
        }
        match (self.timeline, &self.target) {
            // Version 2.45 rejects `--target-timeline` here.
            (timeline, Target::Immediate) => {
                // The end of the backup is on its own timeline.
                let timeline = timeline.map_or_else(|| "current".to_owned(), |it| it.to_string());
                options.push(format!("--recovery-option=recovery_target_timeline={timeline}"));
            }
            (Some(id), _) => options.push(format!("--target-timeline={id}")),
            (None, _) => {}
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_name_directory_target_and_timeline() {
        let restore = Restore {
            directory: "/new".into(),
            set: Some("20261127-100205F".into()),
            target: Target::Time("2026-11-27 10:00:00+00".into()),
            timeline: Some(2),
        };
        assert_eq!(
            restore.options(),
            [
                "--pg1-path=/new",
                "--recovery-option=restore_command=restore_command-is-not-set",
                "--set=20261127-100205F",
                "--type=time",
                "--target=2026-11-27 10:00:00+00",
                "--target-action=promote",
                "--target-timeline=2",
            ]
        );
        let immediate =
            |timeline| Restore { target: Target::Immediate, timeline, ..restore.clone() };
        for (timeline, value) in [(None, "current"), (Some(2), "2")] {
            let last = immediate(timeline).options().pop().unwrap();
            assert_eq!(last, format!("--recovery-option=recovery_target_timeline={value}"));
        }
    }
}
