//! Loads that take turns, and what comes out of comparing them.

use serde_json::{Value, json};

use crate::{
    Failure,
    environment::Environment,
    load::{Load, Metric, Run},
    options::Options,
    processors::Usage,
};

/// Seconds for which each load runs before the first round, at most.
const WARM_UP: u64 = 3;

/// What a ratio is to be.
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

/// One of the loads that take turns.
pub struct Contender {
    pub name: &'static str,
    pub run: Run,
}

/// What a contender is compared with.
#[derive(Debug, Clone, Copy)]
pub enum Reference {
    /// The contender at this place.
    Contender(usize),
    /// A figure that is given.
    Constant(f64),
}

/// A contender, by its place, and what of it is compared with what.
#[derive(Debug, Clone)]
pub struct Comparison {
    pub what: String,
    pub against: &'static str,
    pub ours: usize,
    pub theirs: Reference,
    pub metric: Metric,
    pub goal: Goal,
}

/// Loads that take turns.
pub struct Group {
    pub name: &'static str,
    pub contenders: Vec<Contender>,
    pub comparisons: Vec<Comparison>,
    /// Seconds that each load lasts; `None` leaves it to the options.
    pub seconds: Option<u64>,
}

impl Group {
    /// Runs all loads in turn, as often as there are rounds.
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
    /// Where the processors' time went.
    usage: Usage,
}

impl Turn {
    fn json(&self) -> Value {
        json!({ "load": self.load.json(), "processors": self.usage.json() })
    }
}

/// What a group came to.
pub struct Measured {
    pub name: &'static str,
    names: Vec<&'static str>,
    loads: Vec<Vec<Turn>>,
    comparisons: Vec<Comparison>,
    /// Why the figures are none.
    pub failure: Option<String>,
}

/// A row of the table.
pub struct Row {
    pub comparison: Comparison,
    /// What all rounds came to.
    pub ours: f64,
    pub theirs: f64,
    /// The ratio of the two.
    pub ratio: f64,
    /// The least and the greatest ratio of one round.
    pub spread: (f64, f64),
    /// Where the processors' time went in our last round.
    pub usage: Option<Usage>,
}

impl Measured {
    /// A group that could not even be made.
    pub fn failed(name: &'static str, failure: &Failure) -> Self {
        let (names, loads, comparisons) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, names, loads, comparisons, failure: Some(failure.to_string()) }
    }

    /// The rows; none if anything failed.
    pub fn rows(&self) -> Vec<Row> {
        let comparisons = self.comparisons.iter().filter(|_| self.failure.is_none());
        comparisons.map(|comparison| self.row(comparison)).collect()
    }

    fn row(&self, comparison: &Comparison) -> Row {
        let metric = comparison.metric;
        let figures = |place: usize| -> Vec<f64> {
            self.loads[place].iter().map(|turn| metric.of(&turn.load)).collect()
        };
        let ours = figures(comparison.ours);
        let theirs = match comparison.theirs {
            Reference::Contender(place) => figures(place),
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

    /// The greatest share of the processors' time that something else took meanwhile.
    pub fn disturbance(&self) -> f64 {
        let turns = self.loads.iter().flatten();
        turns.map(|turn| turn.usage.others()).fold(0.0, f64::max)
    }

    /// Every figure of every round.
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
