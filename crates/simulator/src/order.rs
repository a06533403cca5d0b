//! Which commands may be sent: each waits for those before it that it must not overtake.
//!
//! A command waits for the one before it of the same user; one that names somebody, for the
//! registration of that somebody that stands before it in the script; and a registration, for the
//! commands before it that name its user. Then every command finds what it would find if all were
//! sent one after the other. A command waits only for earlier ones, so none waits for ever.

use super::scenario::{Kind, Scenario};

/// What of a scenario is still waited for.
#[derive(Debug)]
pub(super) struct Order {
    /// For each command, how many it still waits for.
    waits: Vec<u32>,
    /// For each command, those who wait for it: all in one list, ...
    waiting: Vec<u32>,
    /// ... in which those of a command end where those of the next begin.
    begins: Vec<u32>,
}

impl Order {
    /// The order of a scenario. Where commands have a time to be sent at, that is one more thing
    /// that each waits for; [`Order::due`] says when it has come.
    pub(super) fn new(scenario: &Scenario, timed: bool) -> Self {
        let count = scenario.commands().len();
        let mut begins = vec![0; count + 1];
        let mut waits = vec![u32::from(timed); count];
        for_each_edge(scenario, |earlier, later| {
            begins[earlier as usize + 1] += 1;
            waits[later as usize] += 1;
        });
        for index in 0..count {
            begins[index + 1] += begins[index];
        }
        let mut free = begins.clone();
        let mut waiting = vec![0; begins[count] as usize];
        for_each_edge(scenario, |earlier, later| {
            let place = &mut free[earlier as usize];
            waiting[*place as usize] = later;
            *place += 1;
        });
        Self { waits, waiting, begins }
    }

    /// The commands that wait for nothing.
    pub(super) fn ready(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.waits).filter(|(_, waits)| **waits == 0).map(|(command, _)| command)
    }

    /// The time of a command has come. Returns whether it may be sent.
    pub(super) fn due(&mut self, command: u32) -> bool {
        Self::one_less(&mut self.waits, command)
    }

    /// A command has been answered, or never will be. Adds those that may be sent now to `ready`.
    pub(super) fn done(&mut self, command: u32, ready: &mut Vec<u32>) {
        let place = command as usize;
        let own = self.begins[place] as usize..self.begins[place + 1] as usize;
        let waits = &mut self.waits;
        ready.extend(self.waiting[own].iter().filter(|it| Self::one_less(waits, **it)));
    }

    fn one_less(waits: &mut [u32], command: u32) -> bool {
        let left = &mut waits[command as usize];
        *left -= 1;
        *left == 0
    }
}

/// Calls `found` with each pair of a command and a later one that waits for it.
fn for_each_edge(scenario: &Scenario, mut found: impl FnMut(u32, u32)) {
    let users = scenario.users().len();
    let mut last_own = vec![None; users];
    let mut registration = vec![None; users];
    let mut named_by: Vec<Vec<u32>> = vec![Vec::new(); users];
    for (index, command) in (0..).zip(scenario.commands()) {
        let user = command.user.get();
        if let Some(before) = last_own[user].replace(index) {
            found(before, index);
        }
        if command.kind() == Kind::Register {
            for before in named_by[user].drain(..) {
                found(before, index);
            }
            registration[user] = Some(index);
        }
        if let Some(whom) = command.whom().map(|it| it.get()).filter(|whom| *whom != user) {
            if let Some(before) = registration[whom] {
                found(before, index);
            } else {
                named_by[whom].push(index);
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

    fn ready(order: &Order) -> Vec<u32> {
        order.ready().collect()
    }

    fn done(order: &mut Order, command: u32) -> Vec<u32> {
        let mut ready = Vec::new();
        order.done(command, &mut ready);
        ready
    }

    #[test]
    fn commands_of_one_user_follow_each_other_and_a_follow_waits_for_both() {
        let scenario = scenario(
            "register ann a@a p
             register bob b@b p
             tweet ann one
             follow ann bob
             tweet bob two",
        );
        let mut order = Order::new(&scenario, false);
        assert_eq!(ready(&order), [0, 1]);
        assert_eq!(done(&mut order, 0), [2]);
        assert!(done(&mut order, 2).is_empty(), "bob is not there yet");
        assert_eq!(done(&mut order, 1), [3, 4]);
        assert!(done(&mut order, 3).is_empty());
    }

    #[test]
    fn a_registration_does_not_overtake_what_must_fail_without_it() {
        let scenario = scenario(
            "register ann a@a p
             follow ann bob
             register bob b@b p
             unfollow ann bob",
        );
        let mut order = Order::new(&scenario, false);
        assert_eq!(ready(&order), [0]);
        assert_eq!(done(&mut order, 0), [1]);
        assert_eq!(done(&mut order, 1), [2]);
        assert_eq!(done(&mut order, 2), [3]);
    }

    #[test]
    fn a_command_waits_for_its_time_and_for_those_before_it() {
        let scenario = scenario("register ann a@a p\ntweet ann one\ntweet ann two");
        let mut order = Order::new(&scenario, true);
        assert!(ready(&order).is_empty());
        assert!(order.due(0));
        assert!(!order.due(1), "its user is not there yet");
        assert_eq!(done(&mut order, 0), [1]);
        assert!(done(&mut order, 1).is_empty(), "its time has not come");
        assert!(order.due(2));
    }

    #[test]
    fn following_oneself_waits_for_nothing_that_never_comes() {
        let scenario = scenario("follow ann ann\nregister ann a@a p\nfollow ann ann");
        let mut order = Order::new(&scenario, false);
        assert_eq!(ready(&order), [0]);
        assert_eq!(done(&mut order, 0), [1]);
        assert_eq!(done(&mut order, 1), [2]);
    }
}
