//! Reads a dump or database to its end and prints the rate of each table and the peak memory of the process.
//!
//! `cargo run --release -p legacy-data --example read -- (mongo|sqlite) PATH`

use std::{error::Error, path::Path, sync::Arc, time::Instant};

use legacy_data::{Progress, mongo, sqlite};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let started = Instant::now();
    let source = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["mongo", path] => mongo(Path::new(path))?,
        ["sqlite", path] => sqlite(Path::new(path))?,
        _ => return Err("usage: read (mongo|sqlite) PATH".into()),
    };
    println!("opened in {:.2} s", started.elapsed().as_secs_f64());
    for table in source.tables() {
        let progress = Arc::<Progress>::default();
        let started = Instant::now();
        let mut count = 0_u64;
        for record in source.read_with(*table, Arc::clone(&progress))? {
            record?;
            count += 1;
        }
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{}: {count} records in {seconds:.2} s, {} {:?}",
            table.name(),
            progress.done(),
            source.unit()
        );
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    Ok(())
}
