//! Facts about the machine, without anything that identifies it.

use std::{fs, process::Command};

use crate::{Failure, environment::Environment, options, program};

/// PostgreSQL settings that determine the cost of a commit and of a row that is not cached.
const SETTINGS: &str = "SELECT string_agg(name || ' ' || current_setting(name), ', ')
    FROM unnest(ARRAY['fsync', 'synchronous_commit', 'wal_sync_method', 'full_page_writes',
                      'shared_buffers', 'max_wal_size', 'jit']) AS name";
/// Row counts of the tables that posts add to.
const ROWS: &str = "SELECT (SELECT count(*) FROM messages) || ' messages, '
    || (SELECT count(*) FROM follows) || ' follows'";

/// Row counts of the large database.
pub fn rows(environment: &Environment) -> Result<String, Failure> {
    environment.cluster.text(&environment.large.database, ROWS)
}

/// Facts about the machine and the programs, by name.
pub fn facts(
    environment: &Environment,
    quick: bool,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let cores = std::thread::available_parallelism()?;
    let postgres = environment.cluster.text(&environment.large.database, "SELECT version()")?;
    let mut facts = vec![
        ("processor", format!("{} × {}", cores, field("/proc/cpuinfo", "model name")?)),
        ("memory", memory()?),
        ("kernel", trimmed(&fs::read_to_string("/proc/sys/kernel/osrelease")?)),
        ("MiniTwit", format!("{} ({})", env!("CARGO_PKG_VERSION"), commit())),
        ("PostgreSQL", postgres.split(" (").next().unwrap_or_default().to_owned()),
        (
            "settings of PostgreSQL",
            environment.cluster.text(&environment.large.database, SETTINGS)?,
        ),
        ("nginx", version("nginx", "-v")?),
        ("wrk", version("wrk", "-v")?),
    ];
    if !quick {
        facts.push(("a durable write (fdatasync)", fdatasync()?));
    }
    Ok(facts)
}

fn trimmed(text: &str) -> String {
    text.trim().to_owned()
}

/// Value after `name:` in a file of the kernel.
fn field(file: &str, name: &str) -> Result<String, Failure> {
    let text = fs::read_to_string(file)?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let mut values = lines.filter(|(key, _)| key.trim() == name).map(|(_, value)| trimmed(value));
    Ok(values.next().unwrap_or_else(|| "unknown".to_owned()))
}

fn memory() -> Result<String, Failure> {
    let kibibytes = field("/proc/meminfo", "MemTotal")?;
    let kibibytes: f64 = kibibytes.trim_end_matches(" kB").parse()?;
    Ok(format!("{:.0} GiB", kibibytes / 1024.0 / 1024.0))
}

/// Commit of the build, with `-dirty` if files have changed.
fn commit() -> String {
    let mut git = Command::new("git");
    git.current_dir(options::repository()).args(["describe", "--always", "--dirty"]);
    program::output(&mut git).map_or_else(|_| "no commit".to_owned(), |text| trimmed(&text))
}

/// The version number that a program prints. wrk prints it with an error code.
fn version(name: &str, flag: &str) -> Result<String, Failure> {
    let output = Command::new(program::find(name)?).arg(flag).output()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    // "nginx version: nginx/1.22.1", "wrk 4.1.0 [epoll] …"
    let mut words = text.split([' ', '/', '\n']);
    let number = words.find(|word| word.starts_with(|it: char| it.is_ascii_digit()));
    Ok(number.unwrap_or("unknown").to_owned())
}

/// Duration of a durable write, measured by pg_test_fsync.
fn fdatasync() -> Result<String, Failure> {
    let file = options::directory().join("data").join("fsync-test");
    let tool = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin/pg_test_fsync")))
        .find(|path| path.is_file());
    let Some(tool) = tool else { return Ok("pg_test_fsync is not installed".to_owned()) };
    let text = program::output(Command::new(tool).args(["-s", "1", "-f"]).arg(&file));
    let _ = fs::remove_file(file);
    let text = text?;
    // "fdatasync   8114.013 ops/sec   123 usecs/op"; the first such line is for a single write.
    let line = text.lines().find(|line| line.trim().starts_with("fdatasync"));
    let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    match words[..] {
        [_, _, _, microseconds, _] => Ok(format!("{microseconds} µs (pg_test_fsync)")),
        _ => Err("pg_test_fsync printed no result for fdatasync".into()),
    }
}
