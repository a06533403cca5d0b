//! The simulator: a client that plays a scenario against any MiniTwit over HTTP, measures the
//! responses, and verifies afterwards what the system holds.
//!
//! It knows the simulator API's contract and nothing of the server. The steps of a run:
//! [`Scenario`] (read or generated) → `play` (send commands at their [`Pace`]) → [`Statistics`] →
//! `verify` (compare the system with the model) → `report` (table, JSON, HTML).
//!
//! [`check()`] checks the rules of the contract one by one. [`SideBySide`] shows the reports of several
//! systems in one.

mod check;
mod client;
mod compare;
mod dependencies;
mod generator;
mod latest;
mod model;
mod outcome;
mod pace;
mod play;
mod progress;
mod record;
mod report;
mod requests;
mod run;
mod scenario;
mod side_by_side;
mod statistics;
mod tag;
mod target;
mod verify;
mod vocabulary;
mod wrong_address;

pub use check::{
    CheckError, CheckReport, CheckResult, CheckSettings, Checked, Mismatch, check, check_ids,
    check_json, check_table,
};
pub use compare::{Difference, DifferenceKind};
pub use generator::{Plan, PlanError, Registrations, generate};
pub use outcome::{CommandError, Effect, Outcome};
pub use pace::Pace;
pub use record::{RecordError, Recorder};
pub use report::{PageError, json, page, table, verification_table};
pub use run::{Access, Run, RunError, Settings, run, verify_record};
pub use scenario::{Action, Command, CommandKind, LineError, Scenario, ScenarioError, UserIndex};
pub use side_by_side::{InputError, SideBySide};
pub use statistics::{
    ErrorSample, RegistrationPhase, SecondLatency, SecondStatistics, Statistics, Tally,
};
pub use tag::draw as draw_seed;
pub use target::TargetError;
pub use verify::Verification;
pub use wrong_address::WrongAddress;
