//! Models of the parts of MiniTwit whose errors depend on the order of events: batches, `latest` and
//! the live stream's watermark.
//!
//! A model is a small state machine. The checker visits every state that any order of its steps can
//! reach, and compares each with the model's properties. A model also has faults that a test plants
//! one by one, because a property that no fault violates proves nothing.
//!
//! Nothing here depends on MiniTwit. The tests of `src/service` replay walks through the models on the
//! real code, and compare what both do after each step.

pub mod batches;
mod check;
pub mod latest;
pub mod live;
mod walk;

pub use check::{Outcome, check};
pub use stateright::{Expectation, Model};
pub use walk::Random;
