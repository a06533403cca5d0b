//! Compares what the system shows of a user with what it must hold, and names each difference.

use std::collections::HashMap;

use super::{
    generator::MOST_SHOWN,
    model::{Account, Expected, ExpectedMessage},
};

/// How the system differs from what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// Somebody who registered is not there.
    UserMissing,
    /// Somebody is there who did not register.
    UserUnexpected,
    /// A message that was accepted is not there.
    MessageMissing,
    /// A message is there more often than it was posted.
    MessageDuplicated,
    /// A message is there that was not posted, or was refused.
    MessageUnexpected,
    /// A user's messages stand in another order than that in which they were posted, newest first.
    MessagesOutOfOrder,
    /// A follow that was accepted is not there.
    FollowMissing,
    /// A follow is there that was not accepted, or was undone.
    FollowUnexpected,
    /// A follow stands twice in the list.
    FollowDuplicated,
    /// A user's follows stand in another order than that in which they began.
    FollowsOutOfOrder,
    /// `latest` is no number that can have arrived last.
    LatestWrong,
    /// An answer has not the form of the contract.
    Malformed,
}

impl Fault {
    /// The fault's name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserMissing => "user missing",
            Self::UserUnexpected => "user unexpected",
            Self::MessageMissing => "message missing",
            Self::MessageDuplicated => "message duplicated",
            Self::MessageUnexpected => "message unexpected",
            Self::MessagesOutOfOrder => "messages out of order",
            Self::FollowMissing => "follow missing",
            Self::FollowUnexpected => "follow unexpected",
            Self::FollowDuplicated => "follow duplicated",
            Self::FollowsOutOfOrder => "follows out of order",
            Self::LatestWrong => "latest wrong",
            Self::Malformed => "answer malformed",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which kind.
    pub fault: Fault,
    /// Whose messages or follows; `None` where it is about nobody in particular.
    pub user: Option<String>,
    /// The number of the command that was not obeyed, where there is one.
    pub number: Option<i64>,
    /// The message, whom somebody follows, or what was shown.
    pub detail: String,
}

/// What came of comparing one user.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) differences: Vec<Difference>,
    /// What cannot be seen, with the reason.
    pub(super) unverifiable: Vec<String>,
}

/// Compares what is shown of a user with what must be.
pub(super) fn compare(name: &str, expected: &Expected<'_>, shown: &Account) -> Comparison {
    let mut comparison = Comparer { name, result: Comparison::default() };
    match (expected.exists, shown.exists) {
        // All that they did is missing with them.
        (Some(true), false) => comparison.differs(Fault::UserMissing, None, "it is not there"),
        (Some(false), true) => comparison.differs(Fault::UserUnexpected, None, "it is there"),
        _ => {}
    }
    if shown.exists {
        comparison.messages(expected, &shown.messages);
        comparison.follows(expected, &shown.followees);
    }
    comparison.result
}

struct Comparer<'a> {
    name: &'a str,
    result: Comparison,
}

/// How often a message was posted, and is shown.
#[derive(Default)]
struct Occurrences {
    /// The numbers of the commands that surely posted it; `None` for those that were there before.
    certain: Vec<Option<i64>>,
    uncertain: usize,
    shown: usize,
}

impl Comparer<'_> {
    fn differs(&mut self, fault: Fault, number: Option<i64>, detail: &str) {
        let (user, detail) = (Some(self.name.to_owned()), detail.to_owned());
        self.result.differences.push(Difference { fault, user, number, detail });
    }

    /// `shown` is oldest first, and at most [`MOST_SHOWN`].
    fn messages(&mut self, expected: &Expected<'_>, shown: &[String]) {
        let visible = self.visible(expected);
        let mut texts: HashMap<&str, Occurrences> = HashMap::new();
        for message in &visible {
            let occurrences = texts.entry(message.text).or_default();
            if message.certain {
                occurrences.certain.push(message.number);
            } else {
                occurrences.uncertain += 1;
            }
        }
        for text in shown {
            texts.entry(text).or_default().shown += 1;
        }
        let mut differing: Vec<_> = texts.iter().filter(|(_, it)| it.differ()).collect();
        differing.sort_by_key(|(text, it)| (it.certain.first().copied(), **text));
        for (text, occurrences) in differing {
            self.message(text, occurrences);
        }
        // Those about which something is uncertain, or wrong already, may stand anywhere.
        let settled = |text: &str| texts.get(text).is_some_and(Occurrences::are_settled);
        let wanted = visible.iter().filter(|it| settled(it.text));
        let found = shown.iter().filter(|text| settled(text));
        if let Some((wanted, _)) = wanted.zip(found).find(|(wanted, found)| wanted.text != **found)
        {
            self.differs(Fault::MessagesOutOfOrder, wanted.number, wanted.text);
        }
    }

    /// Those of the expected messages that can be among the newest that are shown. Those that are
    /// among them only if an uncertain one is not count as uncertain.
    fn visible<'a>(&mut self, expected: &Expected<'a>) -> Vec<ExpectedMessage<'a>> {
        let all = &expected.messages;
        let uncertain = all.iter().filter(|message| !message.certain).count();
        if expected.posted > MOST_SHOWN {
            let hidden = expected.posted - MOST_SHOWN;
            self.result.unverifiable.push(format!(
                "{}: {hidden} messages that are older than the {MOST_SHOWN} that are shown",
                self.name
            ));
        }
        let surely = all.len().saturating_sub(MOST_SHOWN);
        let perhaps = surely.saturating_sub(uncertain);
        let unsure = all[perhaps..surely].iter().cloned();
        let unsure = unsure.map(|message| ExpectedMessage { certain: false, ..message });
        unsure.chain(all[surely..].iter().cloned()).collect()
    }

    fn message(&mut self, text: &str, occurrences: &Occurrences) {
        let Occurrences { certain, uncertain, shown } = occurrences;
        for number in certain.iter().skip(*shown) {
            self.differs(Fault::MessageMissing, *number, text);
        }
        let posted = certain.len() + uncertain;
        let fault = if posted > 0 { Fault::MessageDuplicated } else { Fault::MessageUnexpected };
        for _ in posted..*shown {
            self.differs(fault, certain.first().copied().flatten(), text);
        }
    }

    /// `shown` is oldest first, and at most [`MOST_SHOWN`].
    fn follows(&mut self, expected: &Expected<'_>, shown: &[String]) {
        let possible = expected.follows.values().filter(|it| it.follows() != Some(false)).count();
        if possible > MOST_SHOWN {
            self.result.unverifiable.push(format!(
                "{}: follows, of which there may be {possible}, and {MOST_SHOWN} are shown",
                self.name
            ));
            return;
        }
        let mut times: HashMap<&str, usize> = HashMap::new();
        shown.iter().for_each(|name| *times.entry(name).or_default() += 1);
        let mut named: Vec<_> = expected.follows.iter().collect();
        named.sort_by_key(|(whom, follow)| (follow.number, **whom));
        for (whom, follow) in named {
            match (follow.follows(), times.remove(whom)) {
                (Some(true), None) => self.differs(Fault::FollowMissing, follow.number, whom),
                (Some(false), Some(_)) => {
                    self.differs(Fault::FollowUnexpected, follow.number, whom)
                }
                (_, Some(2..)) => self.differs(Fault::FollowDuplicated, follow.number, whom),
                _ => {}
            }
        }
        let mut strangers: Vec<&str> = times.into_keys().collect();
        strangers.sort_unstable();
        strangers.iter().for_each(|whom| self.differs(Fault::FollowUnexpected, None, whom));
        self.order_of_follows(expected, shown);
    }

    fn order_of_follows(&mut self, expected: &Expected<'_>, shown: &[String]) {
        let known = |name: &String| expected.follows.get(name.as_str());
        let places = shown.iter().filter_map(|name| Some((name, known(name)?.place()?)));
        let places: Vec<(&String, usize)> = places.collect();
        if let Some(pair) = places.windows(2).find(|pair| pair[0].1 > pair[1].1) {
            let (name, _) = pair[1];
            let number = known(name).and_then(|follow| follow.number);
            self.differs(Fault::FollowsOutOfOrder, number, name);
        }
    }
}

impl Occurrences {
    const fn differ(&self) -> bool {
        let (least, most) = (self.certain.len(), self.certain.len() + self.uncertain);
        self.shown < least || self.shown > most
    }

    const fn are_settled(&self) -> bool {
        self.uncertain == 0 && self.shown == self.certain.len()
    }
}
