//! The first pass over a source: reads it to the end, so that damage is found before anything is
//! written, and keeps what the rules need about all users.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use legacy_data::{Message, Progress, Record, Source, Table, User, Value};

use super::{
    error::Error,
    names::Names,
    observer::{Amount, Observer, Step},
    user::{self, OldPassword},
    value::{self, Dialect, Time},
};
use crate::db::import::users::ImportedUser;

/// Fingerprints per allocation, so that growth never copies all of them.
const CHUNK: usize = 64 * 1024;
/// Records between two reports of progress.
const STRIDE: u64 = 1_024;

/// What the first pass found.
pub(super) struct Scan {
    pub(super) dialect: Dialect,
    /// The number of each user, by old id. Users count from 0 in the order of the source.
    pub(super) numbers: HashMap<Box<str>, u32>,
    /// Each user by number.
    pub(super) users: Vec<ScannedUser>,
    /// The records of each table.
    pub(super) records: HashMap<Table, u64>,
    pub(super) plain_passwords: u64,
    repeated: HashSet<u64>,
    hasher: RandomState,
}

/// What the rules for other records need of a user.
pub(super) struct ScannedUser {
    /// The name before any suffix.
    pub(super) name: Box<str>,
    /// The time of the user's first message in microseconds; `None` without one.
    pub(super) first_message: Option<i64>,
}

impl Scan {
    /// Reads all tables of `source`.
    ///
    /// Returns an error if it cannot be read to its end.
    pub(super) fn of(
        source: &dyn Source,
        dialect: Dialect,
        observer: &dyn Observer,
    ) -> Result<Self, legacy_data::Error> {
        let mut scan = Self {
            dialect,
            numbers: HashMap::new(),
            users: Vec::new(),
            records: HashMap::new(),
            plain_passwords: 0,
            repeated: HashSet::new(),
            hasher: RandomState::new(),
        };
        let mut message_ids = Ids::default();
        for table in [Table::Users, Table::Messages, Table::Follows, Table::Latest] {
            let mut row = 0;
            let progress = Arc::<Progress>::default();
            observer.begin(Step::Read(table), 0);
            for record in source.read_with(table, Arc::clone(&progress))? {
                row += 1;
                match record? {
                    Record::User(user) => scan.add_user(user, row),
                    Record::Message(message) => scan.add_message(&message, &mut message_ids),
                    Record::Follow(_) | Record::Latest(_) => {}
                }
                if row % STRIDE == 0 {
                    observer.read(STRIDE, amount(source, &progress));
                }
            }
            observer.read(row % STRIDE, amount(source, &progress));
            scan.records.insert(table, row);
        }
        scan.repeated = message_ids.repeated();
        Ok(scan)
    }

    fn add_user(&mut self, user: User, row: u64) {
        let user = user::assess(user, row, self.dialect);
        if self.numbers.contains_key(user.old_id.as_str()) {
            return;
        }
        // More than 2^32 users fit no memory.
        let number = u32::try_from(self.users.len()).unwrap_or(u32::MAX);
        self.numbers.insert(user.old_id.into(), number);
        self.users.push(ScannedUser { name: user.name.into(), first_message: None });
        if matches!(user.password, OldPassword::Plain(_)) {
            self.plain_passwords += 1;
        }
    }

    fn add_message(&mut self, message: &Message, ids: &mut Ids) {
        if let Some((id, _)) = value::id(&message.source_id, self.dialect) {
            ids.add(&message.source_id, self.hasher.hash_one(&id));
        }
        let author = value::id(&message.author_id, self.dialect)
            .and_then(|(id, _)| self.numbers.get(id.as_str()).copied());
        let time = value::time(&message.published, self.dialect);
        if let (Some(number), Time::Micros { micros, .. }) = (author, time)
            && let Some(user) = self.users.get_mut(number as usize)
            && let Ok(micros) = i64::try_from(micros)
        {
            user.first_message = Some(user.first_message.map_or(micros, |first| first.min(micros)));
        }
    }

    /// The number and the name of the user with this old id.
    pub(super) fn user(&self, old_id: &str) -> Option<(u32, &str)> {
        let number = *self.numbers.get(old_id)?;
        Some((number, &self.users.get(number as usize)?.name))
    }

    /// The names of all users, none of them given yet.
    pub(super) fn names(&self) -> Names {
        let mut names = Names::default();
        for user in &self.users {
            names.want(&user.name);
        }
        names
    }

    /// Checks that an earlier import had the same users: at least half of its users are here, with the
    /// name that they had then.
    ///
    /// Returns an error otherwise: `name` means another old system.
    pub(super) fn check_same(
        &self,
        earlier: &HashMap<String, ImportedUser>,
        name: &str,
    ) -> Result<(), Error> {
        let named = earlier.iter().filter_map(|(id, user)| Some((id, user.name.as_ref()?)));
        let (mut compared, mut same) = (0, 0);
        for (old_id, given) in named {
            compared += 1;
            let now = self.user(old_id).map(|(_, name)| name);
            // A name may have got a suffix.
            same += usize::from(now.is_some_and(|now| given.starts_with(now)));
        }
        if same * 2 < compared {
            return Err(Error::OtherSource { name: name.to_owned() });
        }
        Ok(())
    }

    /// The records of a table.
    pub(super) fn records(&self, table: Table) -> u64 {
        self.records.get(&table).copied().unwrap_or(0)
    }

    /// Whether several messages may have this id. Almost always exact; never misses one.
    pub(super) fn may_be_repeated(&self, old_id: &str) -> bool {
        !self.repeated.is_empty() && self.repeated.contains(&self.hasher.hash_one(old_id))
    }
}

fn amount(source: &dyn Source, progress: &Progress) -> Amount {
    Amount { done: progress.done(), total: progress.total(), unit: source.unit() }
}

/// Finds repeated ids in 8 bytes each. Ids in ascending order need no search.
struct Ids {
    chunks: Vec<Vec<u64>>,
    last: Option<Value>,
    ascending: bool,
}

impl Default for Ids {
    fn default() -> Self {
        Self { chunks: Vec::new(), last: None, ascending: true }
    }
}

impl Ids {
    fn add(&mut self, id: &Value, fingerprint: u64) {
        let follows_last = match (&self.last, id) {
            (None, _) => true,
            (Some(Value::Integer(last)), Value::Integer(id)) => last < id,
            (Some(Value::ObjectId(last)), Value::ObjectId(id)) => last < id,
            _ => false,
        };
        self.ascending &= follows_last;
        self.last = Some(id.clone());
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(fingerprint);
        }
    }

    fn repeated(self) -> HashSet<u64> {
        if self.ascending {
            return HashSet::new();
        }
        let mut all = Vec::with_capacity(self.chunks.iter().map(Vec::len).sum());
        for chunk in self.chunks {
            all.extend(chunk);
        }
        all.sort_unstable();
        all.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_ids_are_found_in_any_order() {
        let repeated = |ids: &[i64]| {
            let mut found = Ids::default();
            for id in ids {
                found.add(&Value::Integer(*id), *id as u64);
            }
            let mut all: Vec<u64> = found.repeated().into_iter().collect();
            all.sort_unstable();
            all
        };
        assert_eq!(repeated(&[1, 2, 3]), [0; 0]);
        assert_eq!(repeated(&[3, 1, 2]), [0; 0]);
        assert_eq!(repeated(&[1, 2, 2, 3, 1, 1]), [1, 2]);
    }
}
