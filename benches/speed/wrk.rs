//! wrk: sends HTTP requests over kept connections.

use std::{cell::Cell, fs, process::Command};

use minitwit::seed::FIRST_NAMES;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{Failure, load::Load, options, program};

/// Script that creates the requests and prints the result as JSON.
const SCRIPT: &str = include_str!("wrk.lua");
/// Beginning of the result line.
const OUTCOME: &str = "outcome ";

/// Number of connections up to which one thread suffices.
const CONNECTIONS_OF_A_THREAD: u32 = 16;

/// Requests of one kind. In path and body, `{user}` is a random user, `{other}` a different random user, and
/// `{latest}` an increasing number.
#[derive(Clone)]
pub struct Requests {
    pub method: &'static str,
    pub path: String,
    /// Header lines, each with its line break.
    pub headers: String,
    pub body: String,
}

impl Requests {
    pub fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), headers: String::new(), body: String::new() }
    }
}

/// A load of HTTP requests on a server.
pub struct Wrk {
    pub address: String,
    pub requests: Requests,
    pub connections: u32,
    /// Number of users.
    pub users: u32,
}

impl Wrk {
    /// Sends requests in a closed loop for this many seconds. Returns an error if any response is an error.
    pub fn run(&self, seconds: u64) -> Result<Load, Failure> {
        let script = options::directory().join("wrk.lua");
        fs::write(&script, SCRIPT)?;
        let text = program::output(
            Command::new(program::find("wrk")?)
                .args(["--threads", &self.threads().to_string()])
                .args(["--connections", &self.connections.to_string()])
                .args(["--duration", &format!("{seconds}s"), "--timeout", "10s", "--script"])
                .arg(&script)
                .arg(format!("http://{}/", self.address))
                .envs(self.variables()),
        )?;
        let outcome = text.lines().find_map(|line| line.strip_prefix(OUTCOME));
        let outcome: Value = serde_json::from_str(outcome.ok_or("wrk printed no result")?)?;
        let number = |name: &str| outcome[name].as_f64().unwrap_or(f64::NAN);
        let (errors, requests) = (number("errors"), number("requests"));
        if errors != 0.0 || requests == 0.0 {
            return Err(format!("{errors} errors in {requests} responses").into());
        }
        Ok(Load {
            per_second: requests / number("seconds"),
            p50_ms: number("p50_ms"),
            p99_ms: number("p99_ms"),
            max_ms: number("max_ms"),
        })
    }

    /// Two threads for many connections, because one thread could be slower than the server.
    fn threads(&self) -> u32 {
        if self.connections < CONNECTIONS_OF_A_THREAD { 1 } else { 2 }
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let Requests { method, path, headers, body } = &self.requests;
        let list = |encode: fn(&str) -> String| FIRST_NAMES.map(encode).join("\t");
        let host = format!("Host: {}\r\n", self.address);
        vec![
            ("SPEED_METHOD", (*method).to_owned()),
            ("SPEED_PATH", path.clone()),
            ("SPEED_HEADERS", host + headers),
            ("SPEED_BODY", body.clone()),
            ("SPEED_USERS", self.users.to_string()),
            ("SPEED_PATH_NAMES", list(|name| encoded(&format!("{name} ")))),
            ("SPEED_JSON_NAMES", list(|name| format!("{name} ").replace('"', "\\\""))),
            ("SPEED_SEED", random_seed().to_string()),
        ]
    }
}

/// Percent-encodes a path segment.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Seed of the next load; every run uses the same sequence.
pub fn random_seed() -> u32 {
    thread_local! {
        static LAST: Cell<u32> = const { Cell::new(0) };
    }
    LAST.with(|last| {
        last.set(last.get() + 1);
        last.get()
    })
}
