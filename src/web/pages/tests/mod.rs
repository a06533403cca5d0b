//! Checks that sweep over every page in every state, the titles, and the order of inputs.
//!
//! `tests/it/pages` and `tests/it/accounts` assert what each page shows, `tests/it/browser` how it
//! looks and behaves.

mod every_page;
mod fixtures;
mod sweeps;
