//! Explanations of the terms in the reports.

/// A command with an uncertain effect.
pub(crate) const UNCERTAIN: &str = "Uncertain: the response to the command was late, broke off, or \
    had an unexpected status. The command may have taken effect or not, and verification accepts both.";
/// Data that verification could not compare.
pub(crate) const UNVERIFIABLE: &str = "Unverifiable: the API did not return this data, so it could \
    not be compared. It may be correct, but the run does not pass.";
/// The rate at which errors begin.
pub(crate) const ERRORS_BEGIN: &str = "Errors begin at the rate at which the first time-out, failed \
    connection or status of 500 or more occurred. Other errors may be consequences of earlier ones.";
/// The registration phase, if only some of several runs have one.
pub(crate) const REGISTRATION_PHASE_OF_SOME: &str = "Registrations before the clock: in these runs, \
    the other figures leave the registrations out. A dash marks a run without such a phase; its \
    figures include them.";
/// The registration phase.
pub(crate) const REGISTRATION_PHASE: &str = "Users were registered before the clock started. The \
    other figures leave these registrations out.";
