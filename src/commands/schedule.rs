//! When backups and drills are due.
//!
//! What is due follows from the repository, not from a timer, so that a restart neither repeats nor
//! skips a task.

use time::{Duration, OffsetDateTime, UtcOffset, Weekday};

use crate::config::ScheduleArgs;

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Back up all files.
    FullBackup,
    /// Back up the changes since the last backup.
    IncrementalBackup,
    /// Restore the newest backup, and check it.
    Drill,
}

/// When each task was last done, in seconds of Unix time; `None` if never.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Done {
    pub(super) full_backup: Option<i64>,
    pub(super) backup: Option<i64>,
    pub(super) drill: Option<i64>,
}

/// The first task that was last done before its last scheduled time.
pub(super) fn due(schedule: &ScheduleArgs, now: OffsetDateTime, done: Done) -> Option<Task> {
    let is_due = |last: Option<i64>, scheduled: OffsetDateTime| {
        last.is_none_or(|last| last < scheduled.unix_timestamp())
    };
    let today = last_daily(schedule, now);
    if is_due(done.full_backup, last_weekly(today, schedule.full_backup_day)) {
        Some(Task::FullBackup)
    } else if is_due(done.backup, today) {
        Some(Task::IncrementalBackup)
    } else if is_due(done.drill, last_weekly(today, schedule.drill_day)) {
        Some(Task::Drill)
    } else {
        None
    }
}

/// When the next task becomes due, if none is now.
pub(super) fn next(schedule: &ScheduleArgs, now: OffsetDateTime) -> OffsetDateTime {
    last_daily(schedule, now) + Duration::DAY
}

/// The last time of a daily backup.
fn last_daily(schedule: &ScheduleArgs, now: OffsetDateTime) -> OffsetDateTime {
    let today = now.to_offset(UtcOffset::UTC).replace_time(schedule.backup_time);
    if today <= now { today } else { today - Duration::DAY }
}

/// The last time on this day of the week, up to `last`.
fn last_weekly(last: OffsetDateTime, day: Weekday) -> OffsetDateTime {
    let days = (7 + last.weekday().number_days_from_monday() - day.number_days_from_monday()) % 7;
    last - Duration::days(days.into())
}

#[cfg(test)]
mod tests {
    use time::macros::{datetime, time};

    use super::*;

    const SCHEDULE: ScheduleArgs = ScheduleArgs {
        backup_time: time!(03:00),
        full_backup_day: Weekday::Sunday,
        drill_day: Weekday::Monday,
    };

    /// Runs everything at once when it is due, once an hour, as the loop of the command does.
    fn play(schedule: &ScheduleArgs, begin: OffsetDateTime, hours: i64) -> Vec<(i64, Task)> {
        let (mut done, mut tasks) = (Done::default(), Vec::new());
        for hour in 0..hours {
            let now = begin + Duration::hours(hour);
            while let Some(task) = due(schedule, now, done) {
                let time = Some(now.unix_timestamp());
                match task {
                    Task::FullBackup => (done.full_backup, done.backup) = (time, time),
                    Task::IncrementalBackup => done.backup = time,
                    Task::Drill => done.drill = time,
                }
                tasks.push((hour, task));
            }
        }
        tasks
    }

    #[test]
    fn a_first_start_backs_up_and_drills_at_once_and_then_by_schedule() {
        use Task::{Drill, FullBackup, IncrementalBackup};
        // A Friday.
        let tasks = play(&SCHEDULE, datetime!(2026-11-27 12:30 UTC), 8 * 24);
        let saturday = 15;
        let day = |days: i64| saturday + 24 * days;
        let expected = [
            (0, FullBackup),
            (0, Drill),
            (saturday, IncrementalBackup),
            (day(1), FullBackup),
            (day(2), IncrementalBackup),
            (day(2), Drill),
            (day(3), IncrementalBackup),
            (day(4), IncrementalBackup),
            (day(5), IncrementalBackup),
            (day(6), IncrementalBackup),
            (day(7), IncrementalBackup),
        ];
        assert_eq!(tasks, expected);
    }

    #[test]
    fn each_task_is_done_once_in_its_period_for_any_schedule() {
        for full in 0..7 {
            for drill in 0..7 {
                for hour in [0, 3, 23] {
                    let day = |number| Weekday::Monday.nth_next(number);
                    let schedule = ScheduleArgs {
                        backup_time: time::Time::from_hms(hour, 59, 0).unwrap(),
                        full_backup_day: day(full),
                        drill_day: day(drill),
                    };
                    let tasks = play(&schedule, datetime!(2026-12-30 23:59 UTC), 24 * 7 * 4);
                    let count = |wanted| tasks.iter().filter(|(_, task)| *task == wanted).count();
                    let (full, drills) = (count(Task::FullBackup), count(Task::Drill));
                    let backups = full + count(Task::IncrementalBackup);
                    // The first ones are made at once.
                    assert!((28..=29).contains(&backups), "{schedule:?}: {tasks:?}");
                    assert!(
                        (4..=5).contains(&full) && (4..=5).contains(&drills),
                        "{schedule:?}: {tasks:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_missed_time_is_made_up_for_once() {
        // The machine was off over the weekend.
        let last = |time: OffsetDateTime| Some(time.unix_timestamp());
        let done = Done {
            full_backup: last(datetime!(2026-11-22 03:00 UTC)),
            backup: last(datetime!(2026-11-27 03:00 UTC)),
            drill: last(datetime!(2026-11-23 03:05 UTC)),
        };
        let monday = datetime!(2026-11-30 02:00 UTC);
        assert_eq!(due(&SCHEDULE, monday, done), Some(Task::FullBackup));
        let done = Done { full_backup: last(monday), backup: last(monday), ..done };
        assert_eq!(due(&SCHEDULE, monday, done), None);
        assert_eq!(next(&SCHEDULE, monday), datetime!(2026-11-30 03:00 UTC));
    }
}
