//! Gives each imported user a name that no other user has.

use std::collections::{HashMap, HashSet};

/// The names of an import.
#[derive(Default)]
pub(super) struct Names {
    /// The names that users of the source have. A user's substitute is none of them.
    wanted: HashSet<Box<str>>,
    given: HashSet<Box<str>>,
    /// The next suffix of a name.
    next: HashMap<Box<str>, u32>,
}

impl Names {
    /// Records that a user of the source has this name.
    pub(super) fn want(&mut self, name: &str) {
        if !self.wanted.contains(name) {
            self.wanted.insert(name.into());
        }
    }

    /// Records that a user of this system has a name.
    pub(super) fn take(&mut self, name: &str) {
        if !self.given.contains(name) {
            self.given.insert(name.into());
        }
    }

    /// Gives a name to a user who wants `name`: the name itself to the first user.
    pub(super) fn give(&mut self, name: &str) -> String {
        if self.given.insert(name.into()) {
            return name.to_owned();
        }
        self.give_substitute(name)
    }

    /// Gives another name to a user who wants `name`: with the next free suffix.
    pub(super) fn give_substitute(&mut self, name: &str) -> String {
        let next = self.next.entry(name.into()).or_insert(2);
        loop {
            let substitute = format!("{name}-{next}");
            *next += 1;
            let is_free = !self.wanted.contains(substitute.as_str());
            if is_free && self.given.insert(substitute.as_str().into()) {
                return substitute;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_user_keeps_a_name_and_no_substitute_is_a_name_of_the_source() {
        let mut names = Names::default();
        for name in ["bob", "bob", "bob-2", "bob"] {
            names.want(name);
        }
        let given = ["bob", "bob", "bob-2", "bob"].map(|name| names.give(name));
        assert_eq!(given, ["bob", "bob-3", "bob-2", "bob-4"]);
        assert_eq!(names.give_substitute("bob"), "bob-5");
    }
}
