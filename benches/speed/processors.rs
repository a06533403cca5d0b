//! Processor time by program during a load, which shows what limits it.

use std::{collections::HashMap, fs, process, thread, time::Duration};

use serde_json::{Value, json};

use crate::Failure;

/// Processor time by program, in hundredths of a second as the kernel counts it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    minitwit: f64,
    postgres: f64,
    nginx: f64,
    /// wrk, pgbench and other load generators.
    clients: f64,
    idle: f64,
    all: f64,
}

/// Time for PostgreSQL's backends to exit after their clients.
const SETTLING: Duration = Duration::from_millis(100);

/// A process in `/proc`.
struct Process {
    name: String,
    parent: u32,
    /// Its own time and that of its finished children.
    own: f64,
    ended_children: f64,
}

impl Usage {
    /// Reads the times, once all processes of the last load have exited.
    pub fn settled() -> Result<Self, Failure> {
        thread::sleep(SETTLING);
        let processes = processes();
        let me = process::id();
        let mut usage = Self::machine()?;
        for it in processes.values() {
            // Only children and grandchildren of this program.
            let grandparent = processes.get(&it.parent).map(|parent| parent.parent);
            if it.parent != me && grandparent != Some(me) {
                continue;
            }
            match it.name.as_str() {
                "minitwit" => usage.minitwit += it.own + it.ended_children,
                "postgres" => usage.postgres += it.own + it.ended_children,
                "nginx" => usage.nginx += it.own + it.ended_children,
                _ => {}
            }
        }
        usage.clients = processes.get(&me).map_or(0.0, |it| it.ended_children);
        Ok(usage)
    }

    fn machine() -> Result<Self, Failure> {
        let text = fs::read_to_string("/proc/stat")?;
        let line = text.lines().next().unwrap_or_default();
        let times: Vec<f64> =
            line.split_whitespace().skip(1).filter_map(|time| time.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; later fields are included in these.
        let [_, _, _, idle, waiting, ..] = times[..] else {
            return Err("/proc/stat has no times of the processors".into());
        };
        Ok(Self { idle: idle + waiting, all: times.iter().take(8).sum(), ..Self::default() })
    }

    /// Shares of all processor time since `before`.
    pub fn since(self, before: Self) -> Self {
        let all = (self.all - before.all).max(1.0);
        Self {
            minitwit: (self.minitwit - before.minitwit) / all,
            postgres: (self.postgres - before.postgres) / all,
            nginx: (self.nginx - before.nginx) / all,
            clients: (self.clients - before.clients) / all,
            idle: (self.idle - before.idle) / all,
            all: 1.0,
        }
    }

    /// Share of unrelated processes, which disturb the measurement.
    pub fn others(&self) -> f64 {
        let ours = self.minitwit + self.postgres + self.nginx + self.clients + self.idle;
        (self.all - ours).max(0.0)
    }

    fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("MiniTwit", self.minitwit),
            ("PostgreSQL", self.postgres),
            ("nginx", self.nginx),
            ("clients", self.clients),
            ("idle", self.idle),
            ("others", self.others()),
        ]
    }

    pub fn json(&self) -> Value {
        self.named().into_iter().map(|(name, share)| (name.to_owned(), json!(share))).collect()
    }
}

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shares = self.named().to_vec();
        shares.retain(|(_, share)| *share >= 0.01);
        shares.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let texts: Vec<String> =
            shares.iter().map(|(name, share)| format!("{name} {:.0} %", share * 100.0)).collect();
        f.write_str(&texts.join(", "))
    }
}

/// All processes of the machine by id.
fn processes() -> HashMap<u32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // A process that exits during the scan is skipped.
    ids.filter_map(|id: u32| {
        Some((id, parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)?))
    })
    .collect()
}

/// Parses `/proc/…/stat` (proc(5)): name in parentheses, parent in field 4, times in fields 14 to 17.
fn parse(line: &str) -> Option<Process> {
    let (before, after) = line.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let time = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
    Some(Process {
        name: name.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        own: time(14)? + time(15)?,
        ended_children: time(16)? + time(17)?,
    })
}
