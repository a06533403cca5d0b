//! Scopes: what a bearer token permits.

use std::{collections::BTreeSet, fmt};

use super::invalid::Invalid;

/// A kind of request that a bearer token permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read what the user can read.
    Read,
    /// Post, edit and delete messages; follow; change the public profile.
    Write,
    /// Manage the account: e-mail address, password, tokens, deletion.
    Account,
}

impl Scope {
    /// All scopes, in the order in which lists show them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Account];

    /// The name in SQL, JSON and headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Account => "account",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// The scopes of a token: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// One or more scopes.
    pub fn new<const N: usize>(scopes: [Scope; N]) -> Self {
        const { assert!(N > 0, "a token has at least one scope") }
        Self(scopes.into())
    }

    /// All scopes.
    pub fn all() -> Self {
        Self::new(Scope::ALL)
    }

    /// Parses names of scopes: at least one, each at most once.
    pub fn parse(names: &[&str]) -> Result<Self, Invalid> {
        let mut scopes = BTreeSet::new();
        for name in names {
            let scope = Scope::from_name(name)
                .ok_or(Invalid::new("The scopes must be among read, write and account"))?;
            if !scopes.insert(scope) {
                return Err(Invalid::new("The scopes must not name one twice"));
            }
        }
        if scopes.is_empty() {
            return Err(Invalid::new("The scopes must not be empty"));
        }
        Ok(Self(scopes))
    }

    /// Wraps the scopes of a row, which the schema has checked.
    pub fn from_stored(names: &[String]) -> Self {
        Self(names.iter().filter_map(|name| Scope::from_name(name)).collect())
    }

    /// Whether `scope` is one of them.
    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// The scopes, in the order of [`Scope::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }
}

impl fmt::Display for Scopes {
    /// The names, separated by spaces, as in OAuth (RFC 6749, section 3.3).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Scope::name).collect();
        f.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::subsequence};

    use super::*;

    #[test]
    fn an_empty_list_an_unknown_name_and_a_repeated_name_are_rejected() {
        for (names, rule) in [
            (&[][..], "empty"),
            (&["read", "admin"], "among"),
            (&["Read"], "among"),
            (&[""], "among"),
            (&["read", "write", "read"], "twice"),
        ] {
            let error = Scopes::parse(names).expect_err(rule);
            assert!(error.rule().contains(rule), "{names:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn scopes_in_any_order_are_those_of_their_text_and_row(
            scopes in subsequence(Scope::ALL.to_vec(), 1..=3).prop_shuffle(),
        ) {
            let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
            let parsed = Scopes::parse(&names).expect("valid");
            for scope in Scope::ALL {
                prop_assert_eq!(parsed.contains(scope), scopes.contains(&scope));
            }
            let text = parsed.to_string();
            let from_text: Vec<&str> = text.split(' ').collect();
            prop_assert_eq!(&Scopes::parse(&from_text).expect("valid"), &parsed);
            let row: Vec<String> = names.into_iter().map(str::to_owned).collect();
            prop_assert_eq!(Scopes::from_stored(&row), parsed);
        }
    }
}
