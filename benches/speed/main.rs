//! `make bench`: compares the server with programs that do only the necessary work.
//!
//! Each row alternates two loads (A B A B), so that disturbances affect both. The reference is pgbench with the one
//! statement that is needed, or nginx with the same bytes in a file. All programs run on this machine, over loopback
//! and one durable PostgreSQL with the settings of the embedded server.

mod binary;
mod cluster;
mod comparison;
mod database;
mod environment;
mod failure;
mod http;
mod importing;
mod load;
mod machine;
mod nginx;
mod old_system;
mod options;
mod pgbench;
mod processors;
mod program;
mod queries;
mod readers;
mod report;
mod rows;
mod server;
mod simulation;
mod wrk;

use std::process::ExitCode;

use clap::Parser;

use self::{
    comparison::Measured, environment::Environment, failure::Failure, options::Options,
    report::Report,
};

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(report) if report.is_valid() => ExitCode::SUCCESS,
        Ok(_) => {
            eprintln!("some figures are invalid: responses were errors");
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
