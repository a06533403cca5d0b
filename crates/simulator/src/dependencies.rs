//! The order of commands: each waits for the earlier commands that it must not overtake.
//!
//! A command waits for its user's previous command. A command that names another user waits for
//! that user's earlier registration, and a registration waits for earlier commands that name its
//! user. So each command finds the same state as in a sequential run.
//! Commands wait for earlier ones only, so there is no deadlock.

use crate::scenario::{CommandKind, Scenario};

/// The dependencies that are still open.
#[derive(Debug)]
pub(crate) struct Dependencies {
    /// By command: the number of conditions that it still waits for.
    open: Vec<u32>,
    /// By command: the later commands that wait for it.
    dependents: Vec<Vec<u32>>,
}

impl Dependencies {
    /// The dependencies of a scenario.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let count = scenario.commands().len();
        let mut open = vec![0; count];
        let mut dependents = vec![Vec::new(); count];
        for_each_edge(scenario, |earlier, later| {
            dependents[earlier as usize].push(later);
            open[later as usize] += 1;
        });
        Self { open, dependents }
    }

    /// The commands that wait for nothing.
    pub(crate) fn ready(&self) -> impl Iterator<Item = u32> {
        (0..).take(self.open.len()).filter(|command| self.is_ready(*command))
    }

    /// Whether a command waits for nothing.
    pub(crate) fn is_ready(&self, command: u32) -> bool {
        self.open[command as usize] == 0
    }

    /// Lets these commands wait for [`Self::mark_due`] as well.
    pub(crate) fn wait_until_due(&mut self, commands: &[u32]) {
        commands.iter().for_each(|command| self.open[*command as usize] += 1);
    }

    /// Records that a command is due. Returns true if it may be sent.
    pub(crate) fn mark_due(&mut self, command: u32) -> bool {
        resolve_one(&mut self.open, command)
    }

    /// Records that a command has ended. Returns the commands that may be sent now.
    pub(crate) fn complete(&mut self, command: u32) -> Vec<u32> {
        let mut ready = std::mem::take(&mut self.dependents[command as usize]);
        ready.retain(|dependent| resolve_one(&mut self.open, *dependent));
        ready
    }
}

fn resolve_one(open: &mut [u32], command: u32) -> bool {
    let left = &mut open[command as usize];
    *left -= 1;
    *left == 0
}

/// Calls `found` for each pair of a command and a later command that depends on it.
fn for_each_edge(scenario: &Scenario, mut found: impl FnMut(u32, u32)) {
    let users = scenario.users().len();
    let mut last_own = vec![None; users];
    let mut registration = vec![None; users];
    let mut named_by: Vec<Vec<u32>> = vec![Vec::new(); users];
    for (index, command) in (0..).zip(scenario.commands()) {
        let user = command.user.get();
        if let Some(previous) = last_own[user].replace(index) {
            found(previous, index);
        }
        if command.kind() == CommandKind::Register {
            for earlier in named_by[user].drain(..) {
                found(earlier, index);
            }
            registration[user] = Some(index);
        }
        if let Some(followee) = command.followee().map(|it| it.get()).filter(|it| *it != user) {
            match registration[followee] {
                Some(registered) => found(registered, index),
                None => named_by[followee].push(index),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(commands: &str) -> Scenario {
        let lines = commands.lines().map(str::trim).enumerate();
        let line =
            |(number, it): (usize, &str)| format!("{number}\t0\t0\t{}\n", it.replace(' ', "\t"));
        Scenario::parse(&lines.map(line).collect::<String>()).expect("valid")
    }

    fn ready(dependencies: &Dependencies) -> Vec<u32> {
        dependencies.ready().collect()
    }

    #[test]
    fn commands_of_one_user_are_sequential_and_a_follow_waits_for_both_users() {
        let scenario = scenario(
            "register ann a@a p
             register bob b@b p
             tweet ann one
             follow ann bob
             tweet bob two",
        );
        let mut dependencies = Dependencies::new(&scenario);
        assert_eq!(ready(&dependencies), [0, 1]);
        assert_eq!(dependencies.complete(0), [2]);
        assert!(dependencies.complete(2).is_empty(), "bob is not registered yet");
        assert_eq!(dependencies.complete(1), [3, 4]);
        assert!(dependencies.complete(3).is_empty());
    }

    #[test]
    fn a_registration_does_not_overtake_a_command_that_must_fail_without_it() {
        let scenario = scenario(
            "register ann a@a p
             follow ann bob
             register bob b@b p
             unfollow ann bob",
        );
        let mut dependencies = Dependencies::new(&scenario);
        assert_eq!(ready(&dependencies), [0]);
        assert_eq!(dependencies.complete(0), [1]);
        assert_eq!(dependencies.complete(1), [2]);
        assert_eq!(dependencies.complete(2), [3]);
    }

    #[test]
    fn a_timed_command_waits_for_its_due_time_and_its_dependencies() {
        let scenario = scenario("register ann a@a p\ntweet ann one\ntweet ann two");
        let mut dependencies = Dependencies::new(&scenario);
        dependencies.wait_until_due(&[0, 1, 2]);
        assert!(ready(&dependencies).is_empty());
        assert!(dependencies.mark_due(0));
        assert!(!dependencies.mark_due(1), "the user is not registered yet");
        assert_eq!(dependencies.complete(0), [1]);
        assert!(dependencies.complete(1).is_empty(), "not due yet");
        assert!(dependencies.mark_due(2));
    }

    #[test]
    fn a_user_who_follows_themselves_causes_no_deadlock() {
        let scenario = scenario("follow ann ann\nregister ann a@a p\nfollow ann ann");
        let mut dependencies = Dependencies::new(&scenario);
        assert_eq!(ready(&dependencies), [0]);
        assert_eq!(dependencies.complete(0), [1]);
        assert_eq!(dependencies.complete(1), [2]);
    }
}
