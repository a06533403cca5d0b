//! Rules for follows: those of a table, or the union of what all users list.

use std::collections::HashMap;

use legacy_data::{Follow, Record, Source, Table, User, Value};

use super::{
    rule::Rule,
    scan::Scan,
    user::record_id,
    value::{self, Rules},
};

/// All follows of a source.
#[derive(Default)]
pub(super) struct Follows {
    /// The follows in the order of the source, by numbers of users.
    pub(super) pairs: Vec<Pair>,
    /// The records that are skipped, by their names in the report.
    pub(super) skipped: Vec<(String, Rules)>,
    index: HashMap<(u32, u32), usize>,
    by_follower: bool,
    by_followee: bool,
}

/// A follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) follower: u32,
    pub(super) followee: u32,
    side: Side,
    /// An id was of another type than usual.
    converted: bool,
}

/// Where a follow is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// In a table.
    Row,
    Follower,
    Followee,
    Both,
}

impl Follows {
    /// Reads all follows of a source.
    pub(super) fn of(source: &dyn Source, scan: &Scan) -> Result<Self, legacy_data::Error> {
        let mut follows = Self::default();
        let mut next = 0;
        for (record, row) in source.read(Table::Users)?.zip(1_u64..) {
            let Record::User(user) = record? else { continue };
            let id = record_id(&user.source_id, row, scan.dialect, &mut Rules::new());
            // The second user of an id is skipped, with its follows.
            if scan.user(&id).is_some_and(|(number, _)| number == next) {
                next += 1;
                follows.add_lists(&user, &id, scan);
            }
        }
        for record in source.read(Table::Follows)? {
            if let Record::Follow(follow) = record? {
                follows.add_row(&follow, scan);
            }
        }
        follows.index = HashMap::new();
        Ok(follows)
    }

    fn add_lists(&mut self, user: &User, id: &str, scan: &Scan) {
        if let Value::Array(list) = &user.follows {
            self.by_follower |= !list.is_empty();
            for other in list {
                let other = value::id(other, scan.dialect);
                self.add(Some((id.to_owned(), false)), other, Side::Follower, scan);
            }
        }
        if let Value::Array(list) = &user.followers {
            self.by_followee |= !list.is_empty();
            for other in list {
                let other = value::id(other, scan.dialect);
                self.add(other, Some((id.to_owned(), false)), Side::Followee, scan);
            }
        }
    }

    fn add_row(&mut self, follow: &Follow, scan: &Scan) {
        let follower = value::id(&follow.follower_id, scan.dialect);
        let followee = value::id(&follow.followee_id, scan.dialect);
        self.add(follower, followee, Side::Row, scan);
    }

    fn add(
        &mut self,
        follower: Option<(String, bool)>,
        followee: Option<(String, bool)>,
        side: Side,
        scan: &Scan,
    ) {
        let number = |id: &Option<(String, bool)>| Some(scan.user(&id.as_ref()?.0)?.0);
        let numbers = number(&follower).zip(number(&followee));
        let converted = [&follower, &followee].iter().any(|id| id.as_ref().is_some_and(|id| id.1));
        let text =
            |id: &Option<(String, bool)>| id.as_ref().map_or("none".into(), |id| id.0.clone());
        let name = || format!("{} -> {}", text(&follower), text(&followee));
        let Some((follower_number, followee_number)) = numbers else {
            self.skipped.push((name(), vec![(Rule::FollowUserUnknown, String::new())]));
            return;
        };
        if let Some(index) = self.index.get(&(follower_number, followee_number)) {
            let Some(pair) = self.pairs.get_mut(*index) else { return };
            if (pair.side, side) == (Side::Follower, Side::Followee) {
                pair.side = Side::Both;
                return;
            }
            if (pair.side, side) == (Side::Followee, Side::Follower) {
                pair.side = Side::Both;
                return;
            }
            self.skipped.push((name(), vec![(Rule::FollowRepeated, String::new())]));
            return;
        }
        self.index.insert((follower_number, followee_number), self.pairs.len());
        let (follower, followee) = (follower_number, followee_number);
        self.pairs.push(Pair { follower, followee, side, converted });
    }

    /// The rules that apply to a follow.
    pub(super) fn rules(&self, pair: Pair) -> Rules {
        let mut rules = Rules::new();
        if pair.converted {
            rules.push((Rule::IdConverted, String::new()));
        }
        if pair.follower == pair.followee {
            rules.push((Rule::FollowOfSelf, String::new()));
            return rules;
        }
        // A source that has one kind of list alone records each follow once.
        match pair.side {
            Side::Follower if self.by_followee => {
                rules.push((Rule::FollowOnlyByFollower, String::new()));
            }
            Side::Followee if self.by_follower => {
                rules.push((Rule::FollowOnlyByFollowee, String::new()));
            }
            _ => {}
        }
        rules
    }
}
