//! Runs the checker.

use std::{collections::BTreeSet, fmt::Debug, hash::Hash, thread};

use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

/// The result of a check.
#[derive(Debug)]
pub struct Outcome {
    /// The number of different states.
    pub states: usize,
    /// The violated properties, with the steps to the first violation.
    pub violated: Vec<(&'static str, String)>,
    /// The states that some order of steps should reach, and none does.
    pub unreached: Vec<&'static str>,
}

impl Outcome {
    /// Whether every property holds and every expected state occurs.
    pub fn holds(&self) -> bool {
        self.violated.is_empty() && self.unreached.is_empty()
    }

    /// The names of the violated properties.
    pub fn violated(&self) -> BTreeSet<&'static str> {
        self.violated.iter().map(|(name, _)| *name).collect()
    }
}

/// Visits all states of a finite model. Stops at the first violation.
pub fn check<M>(model: M) -> Outcome
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let properties: Vec<Property<M>> = model.properties();
    let threads = thread::available_parallelism().map_or(1, Into::into);
    let checker = model.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
    let checker = checker.spawn_bfs().join();
    let violated = properties
        .iter()
        .filter(|property| property.expectation == Expectation::Always)
        .filter_map(|property| {
            let path = checker.discovery(property.name)?;
            let steps = path.into_actions();
            let steps: Vec<String> = steps.iter().map(|step| format!("{step:?}")).collect();
            Some((property.name, steps.join(", ")))
        })
        .collect();
    let unreached = properties
        .iter()
        .filter(|property| property.expectation == Expectation::Sometimes)
        .filter(|property| checker.discovery(property.name).is_none())
        .map(|property| property.name)
        .collect();
    Outcome { states: checker.unique_state_count(), violated, unreached }
}
