//! Alternating loads and the comparison of their results.

use serde_json::{Value, json};

use crate::{
    Failure,
    environment::Environment,
    load::{Load, Metric, Run},
    options::Options,
    processors::Usage,
};

/// Duration of the warm-up, in seconds.
const WARM_UP: u64 = 3;

/// The goal of a ratio.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    pub fn is_reached(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(bound) => ratio >= bound,
            Self::AtMost(bound) => ratio <= bound,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "≥ {bound:.1}"),
            Self::AtMost(bound) => write!(f, "≤ {bound:.1}"),
        }
    }
}

/// One of the alternating loads.
pub struct Contender {
    pub name: &'static str,
    pub run: Run,
}

/// The other side of a comparison.
#[derive(Debug, Clone, Copy)]
pub enum Reference {
    /// The contender with this index.
    Contender(usize),
    /// A constant.
    Constant(f64),
}

/// A comparison of a contender, by index, with a reference.
#[derive(Debug, Clone)]
pub struct Comparison {
    pub what: String,
    pub against: &'static str,
    pub ours: usize,
    pub theirs: Reference,
    pub metric: Metric,
    pub goal: Goal,
}

/// Alternating loads.
pub struct Group {
    pub name: &'static str,
    pub contenders: Vec<Contender>,
    pub comparisons: Vec<Comparison>,
    /// Duration of each load in seconds; `None` uses the option.
    pub seconds: Option<u64>,
}

impl Group {
    /// Runs all loads alternately, once a round.
    pub fn measure(self, options: &Options, environment: &Environment) -> Measured {
        let mut loads: Vec<Vec<Turn>> = self.contenders.iter().map(|_| Vec::new()).collect();
        let failure =
            self.take_turns(options, environment, &mut loads).err().map(|it| it.to_string());
        let names = self.contenders.iter().map(|contender| contender.name).collect();
        Measured { name: self.name, names, loads, comparisons: self.comparisons, failure }
    }

    fn take_turns(
        &self,
        options: &Options,
        environment: &Environment,
        loads: &mut [Vec<Turn>],
    ) -> Result<(), Failure> {
        let seconds = self.seconds.filter(|_| !options.quick).unwrap_or(options.seconds());
        environment.checkpoint()?;
        for contender in &self.contenders {
            (contender.run)(seconds.min(WARM_UP))?;
        }
        for round in 1..=options.rounds() {
            for (contender, loads) in self.contenders.iter().zip(&mut *loads) {
                let before = Usage::settled()?;
                let load = (contender.run)(seconds)?;
                let usage = Usage::settled()?.since(before);
                eprintln!("{} {round}: {:<21} {load}; {usage}", self.name, contender.name);
                loads.push(Turn { load, usage });
            }
        }
        Ok(())
    }
}

/// One load of one round.
struct Turn {
    load: Load,
    /// Processor time by program.
    usage: Usage,
}

impl Turn {
    fn json(&self) -> Value {
        json!({ "load": self.load.json(), "processors": self.usage.json() })
    }
}

/// The result of a group.
pub struct Measured {
    pub name: &'static str,
    names: Vec<&'static str>,
    loads: Vec<Vec<Turn>>,
    comparisons: Vec<Comparison>,
    /// The error that makes the figures invalid.
    pub failure: Option<String>,
}

/// A row of the table.
pub struct Row {
    pub comparison: Comparison,
    /// Result of all rounds.
    pub ours: f64,
    pub theirs: f64,
    /// Ratio of both results.
    pub ratio: f64,
    /// Smallest and largest ratio of a round.
    pub spread: (f64, f64),
    /// Processor time by program in our last round.
    pub usage: Option<Usage>,
}

impl Measured {
    /// The result of a group that could not be built.
    pub fn failed(name: &'static str, failure: &Failure) -> Self {
        let (names, loads, comparisons) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, names, loads, comparisons, failure: Some(failure.to_string()) }
    }

    /// The rows; empty if a load failed.
    pub fn rows(&self) -> Vec<Row> {
        let comparisons = self.comparisons.iter().filter(|_| self.failure.is_none());
        comparisons.map(|comparison| self.row(comparison)).collect()
    }

    fn row(&self, comparison: &Comparison) -> Row {
        let metric = comparison.metric;
        let figures = |index: usize| -> Vec<f64> {
            self.loads[index].iter().map(|turn| metric.of(&turn.load)).collect()
        };
        let ours = figures(comparison.ours);
        let theirs = match comparison.theirs {
            Reference::Contender(index) => figures(index),
            Reference::Constant(figure) => vec![figure; ours.len()],
        };
        let ratios: Vec<f64> =
            ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (ours, theirs) = (metric.of_all(&ours), metric.of_all(&theirs));
        let spread = (least, greatest);
        let usage = self.loads[comparison.ours].last().map(|turn| turn.usage);
        let ratio = ours / theirs;
        Row { comparison: comparison.clone(), ours, theirs, ratio, spread, usage }
    }

    /// Largest share of processor time of unrelated processes.
    pub fn disturbance(&self) -> f64 {
        let turns = self.loads.iter().flatten();
        turns.map(|turn| turn.usage.others()).fold(0.0, f64::max)
    }

    /// All figures of all rounds.
    pub fn json(&self) -> Value {
        let of = |turns: &Vec<Turn>| turns.iter().map(Turn::json).collect::<Vec<_>>();
        let loads: Vec<Value> = self
            .names
            .iter()
            .zip(&self.loads)
            .map(|(name, loads)| json!({ "name": name, "rounds": of(loads) }))
            .collect();
        json!({ "name": self.name, "loads": loads, "failure": self.failure })
    }
}
