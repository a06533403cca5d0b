//! How far the server is from the limits of the machine it stands on: `make bench`.
//!
//! Each row of the table compares two kinds of load that take turns (A B A B), so that whatever else
//! the machine does falls on both. The reference is what does the same with less: pgbench with the
//! one statement, nginx with the same bytes in a file. All programs run here, on the loopback
//! interface and on one durable PostgreSQL with the settings of the server's own.

mod cluster;
mod comparison;
mod environment;
mod http;
mod load;
mod machine;
mod nginx;
mod options;
mod pgbench;
mod processors;
mod program;
mod queries;
mod report;
mod rows;
mod server;
mod wrk;

use std::{error::Error, process::ExitCode};

use clap::Parser;

use self::{comparison::Measured, environment::Environment, options::Options, report::Report};

/// Any failure that ends the benchmark; its text is for whoever started it.
type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(report) if report.is_valid() => ExitCode::SUCCESS,
        Ok(_) => {
            eprintln!("some figures are invalid: answers were errors");
            ExitCode::FAILURE
        }
        Err(failure) => {
            eprintln!("speed: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<Report, Failure> {
    let environment = Environment::build(options)?;
    let mut report = Report::begin(options, &environment)?;
    for (name, make) in rows::ALL.iter().filter(|(name, _)| options.selects(name)) {
        let group = make(&environment);
        report.add(group.map_or_else(
            |failure| Measured::failed(name, &failure),
            |group| group.measure(options, &environment),
        ));
    }
    report.finish(&environment)?;
    report.write(options)?;
    Ok(report)
}
