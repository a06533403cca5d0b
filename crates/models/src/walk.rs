//! Random walks through a model, for tests that repeat them on the real code.

use stateright::Model;

/// A generator of reproducible numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Numbers that depend only on `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

/// The steps of a walk, each with the state after it.
pub(crate) type Steps<M> = Vec<(<M as Model>::Action, <M as Model>::State)>;

/// Walks from an initial state until no step is possible.
pub(crate) fn walk<M: Model>(model: &M, seed: u64) -> Steps<M>
where
    M::State: Clone,
    M::Action: Clone,
{
    let mut random = Random::new(seed);
    let mut steps = Vec::new();
    let Some(mut state) = model.init_states().pop() else { return steps };
    loop {
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        if actions.is_empty() {
            return steps;
        }
        let action = actions.swap_remove(random.below(actions.len()));
        if let Some(next) = model.next_state(&state, action.clone()) {
            state = next;
            steps.push((action, state.clone()));
        }
    }
}
