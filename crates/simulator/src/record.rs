//! The record of a run: when each command ended, and its effect. With it, what a system confirmed can be
//! verified later, such as after a restore from its backups.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    sync::{Mutex, PoisonError},
};

use time::OffsetDateTime;

use crate::{
    outcome::{CommandError, Effect, Outcome},
    scenario::Scenario,
};

/// Writes a record while a run goes on: a line per command with its index in the scenario, the time of
/// its end in microseconds of Unix time, and the effect.
#[derive(Debug)]
pub struct Recorder(Mutex<File>);

impl Recorder {
    /// Creates the file, or empties it.
    pub fn create(path: &Path) -> io::Result<Self> {
        File::create(path).map(Mutex::new).map(Self)
    }

    pub(crate) fn add(&self, index: u32, effect: Effect) {
        let line = format!("{index}\t{}\t{}\n", micros(OffsetDateTime::now_utc()), name(effect));
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Without its line, a command counts as uncertain, which is right too.
        let _ = file.write_all(line.as_bytes());
    }
}

/// A record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] io::Error),
    /// A line is malformed, or names a command that the scenario lacks.
    #[error("line {0} is no line of a record of this scenario")]
    Line(usize),
}

/// Reads a record. Returns the outcomes by index of the commands. A command counts as uncertain if it
/// ended after `until`, or did not end.
pub(crate) fn read(
    path: &Path,
    scenario: &Scenario,
    until: Option<OffsetDateTime>,
) -> Result<Vec<Option<Outcome>>, RecordError> {
    let mut outcomes = vec![Some(outcome(Effect::Uncertain)); scenario.commands().len()];
    let until = until.map_or(i128::MAX, micros);
    for (number, line) in (1..).zip(fs::read_to_string(path)?.lines()) {
        let (index, ended, effect) = parse(line).ok_or(RecordError::Line(number))?;
        let known = outcomes.get_mut(index).ok_or(RecordError::Line(number))?;
        if ended <= until {
            *known = Some(outcome(effect));
        }
    }
    Ok(outcomes)
}

fn parse(line: &str) -> Option<(usize, i128, Effect)> {
    let mut parts = line.split('\t');
    let (index, ended) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let text = parts.next()?;
    let effect = EFFECTS.into_iter().find(|effect| name(*effect) == text)?;
    Some((index, ended, effect))
}

const EFFECTS: [Effect; 3] = [Effect::Happened, Effect::Nothing, Effect::Uncertain];

const fn name(effect: Effect) -> &'static str {
    match effect {
        Effect::Happened => "happened",
        Effect::Nothing => "nothing",
        Effect::Uncertain => "uncertain",
    }
}

/// An outcome with this effect.
const fn outcome(effect: Effect) -> Outcome {
    match effect {
        Effect::Happened => Outcome::Done,
        Effect::Nothing => Outcome::Failed(CommandError::ConnectFailed),
        Effect::Uncertain => Outcome::Failed(CommandError::ReadTimeout),
    }
}

fn micros(time: OffsetDateTime) -> i128 {
    time.unix_timestamp_nanos() / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_have_outcomes_with_the_same_effect() {
        for effect in EFFECTS {
            assert_eq!(outcome(effect).effect(), effect);
        }
    }

    #[test]
    fn later_and_unrecorded_commands_are_uncertain_and_malformed_lines_are_errors() {
        let scenario =
            "0\t0\t0\tregister\tann\ta@a\tp\n1\t0\t0\ttweet\tann\tone\n2\t0\t0\ttweet\tann\ttwo\n";
        let scenario = Scenario::parse(scenario).expect("valid");
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("record");
        let recorder = Recorder::create(&path).expect("created");
        recorder.add(0, Effect::Happened);
        recorder.add(1, Effect::Nothing);
        let effects = |until| {
            let outcomes = read(&path, &scenario, until).expect("a record");
            outcomes.into_iter().flatten().map(Outcome::effect).collect::<Vec<_>>()
        };
        assert_eq!(effects(None), EFFECTS);
        assert_eq!(effects(Some(OffsetDateTime::UNIX_EPOCH)), [Effect::Uncertain; 3]);
        for wrong in ["", "0\t1", "x\t1\thappened", "0\t1\tperhaps", "3\t1\thappened"] {
            fs::write(&path, format!("0\t1\thappened\n{wrong}\n")).expect("written");
            let result = read(&path, &scenario, None);
            assert!(matches!(result, Err(RecordError::Line(2))), "{wrong:?}");
        }
    }
}
