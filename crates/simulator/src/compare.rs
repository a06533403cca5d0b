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
        named.sort_by_key(|(whom, follow)| (follow.number, *whom));
        for (whom, follow) in named {
            match (follow.follows(), times.remove(whom.as_ref())) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::ByUser,
        outcome::{Error, Outcome},
        scenario::Scenario,
    };

    const DONE: Outcome = Outcome::Done;
    const LATE: Outcome = Outcome::Failed(Error::ReadTimeout);
    const REFUSED: Outcome = Outcome::Failed(Error::Status(400));

    /// What is found when the commands of `ann` ended so, and her account is shown so.
    fn found(
        commands: &[(&str, Outcome)],
        messages: &[&str],
        followees: &[&str],
    ) -> Vec<(Fault, Option<i64>)> {
        let lines = (0..).zip(commands);
        let lines = lines.map(|(number, (line, _))| format!("{number}\t0\t0\t{line}\n"));
        let scenario = Scenario::parse(&lines.collect::<String>()).expect("valid");
        let outcomes: Vec<_> = commands.iter().map(|(_, outcome)| Some(*outcome)).collect();
        let before = Account { exists: true, ..Account::default() };
        let by_user = ByUser::new(&scenario);
        let expected = Expected::of(&scenario, &by_user, &outcomes, 0, &before);
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let (messages, followees) = (owned(messages), owned(followees));
        let comparison = compare("ann", &expected, &Account { exists: true, messages, followees });
        assert_eq!(comparison.unverifiable, [""; 0]);
        comparison.differences.iter().map(|it| (it.fault, it.number)).collect()
    }

    const ONE: &str = "tweet\tann\tone";
    const TWO: &str = "tweet\tann\ttwo";
    const FOLLOW: &str = "follow\tann\tbob";
    const UNFOLLOW: &str = "unfollow\tann\tbob";

    #[test]
    fn every_message_is_there_once_and_in_order() {
        let both = [(ONE, DONE), (TWO, DONE)];
        assert_eq!(found(&both, &["one", "two"], &[]), []);
        assert_eq!(found(&both, &["two", "one"], &[]), [(Fault::MessagesOutOfOrder, Some(0))]);
        assert_eq!(found(&both, &["one"], &[]), [(Fault::MessageMissing, Some(1))]);
        let twice = ["one", "two", "two"];
        assert_eq!(found(&both, &twice, &[]), [(Fault::MessageDuplicated, Some(1))]);
        let strange = ["one", "two", "three"];
        assert_eq!(found(&both, &strange, &[]), [(Fault::MessageUnexpected, None)]);
        let same = [(ONE, DONE), (ONE, DONE)];
        assert_eq!(found(&same, &["one", "one"], &[]), [], "it was posted twice");
        assert_eq!(found(&same, &["one"], &[]), [(Fault::MessageMissing, Some(1))]);
    }

    #[test]
    fn a_late_message_may_be_there_or_not_and_anywhere_but_not_twice() {
        let commands = [(ONE, LATE), (TWO, DONE)];
        for shown in [&["two"][..], &["one", "two"], &["two", "one"]] {
            assert_eq!(found(&commands, shown, &[]), []);
        }
        let twice = ["one", "two", "one"];
        assert_eq!(found(&commands, &twice, &[]), [(Fault::MessageDuplicated, None)]);
        let refused = [(ONE, REFUSED)];
        assert_eq!(found(&refused, &["one"], &[]), [(Fault::MessageUnexpected, None)]);
    }

    #[test]
    fn a_follow_is_there_until_it_is_undone() {
        assert_eq!(found(&[(FOLLOW, DONE)], &[], &["bob"]), []);
        assert_eq!(found(&[(FOLLOW, DONE)], &[], &[]), [(Fault::FollowMissing, Some(0))]);
        let undone = [(FOLLOW, DONE), (UNFOLLOW, DONE)];
        assert_eq!(found(&undone, &[], &[]), []);
        assert_eq!(found(&undone, &[], &["bob"]), [(Fault::FollowUnexpected, Some(1))]);
        let twice = ["bob", "bob"];
        assert_eq!(found(&[(FOLLOW, DONE)], &[], &twice), [(Fault::FollowDuplicated, Some(0))]);
        let again = [(FOLLOW, DONE), ("follow\tann\teve", DONE), (FOLLOW, DONE)];
        assert_eq!(found(&again, &[], &["bob", "eve"]), [], "the first time counts");
        assert_eq!(found(&again, &[], &["eve", "bob"]), [(Fault::FollowsOutOfOrder, Some(2))]);
    }

    #[test]
    fn a_late_follow_or_unfollow_may_take_effect_after_all_others() {
        for commands in [
            &[(FOLLOW, LATE)][..],
            &[(FOLLOW, LATE), (UNFOLLOW, DONE)],
            &[(FOLLOW, DONE), (UNFOLLOW, LATE)],
            &[(UNFOLLOW, LATE), (FOLLOW, DONE)],
        ] {
            assert_eq!(found(commands, &[], &["bob"]), [], "{commands:?}");
            assert_eq!(found(commands, &[], &[]), [], "{commands:?}");
        }
        let both = [(FOLLOW, DONE), (FOLLOW, LATE)];
        assert_eq!(found(&both, &[], &[]), [(Fault::FollowMissing, Some(0))]);
    }

    #[test]
    fn names_are_the_same_in_each_of_unicodes_forms() {
        assert_eq!(found(&[("follow\tann\tJose\u{301}", DONE)], &[], &["José"]), []);
    }

    #[test]
    fn what_is_not_shown_is_unverifiable() {
        let line = |number| format!("{number}\t0\t0\ttweet\tann\t{number}\n");
        let scenario = Scenario::parse(&(0..1_002).map(line).collect::<String>()).expect("valid");
        let (before, by_user) = (Account::default(), ByUser::new(&scenario));
        let outcomes = vec![Some(DONE); 1_002];
        let expected = Expected::of(&scenario, &by_user, &outcomes, 0, &before);
        let messages: Vec<String> = (2..1_002).map(|number: u32| number.to_string()).collect();
        let mut shown = Account { exists: true, messages, followees: Vec::new() };
        let comparison = compare("ann", &expected, &shown);
        assert_eq!(comparison.differences, []);
        assert!(
            matches!(&comparison.unverifiable[..], [one] if one.starts_with("ann: 2 messages"))
        );
        shown.messages.remove(0);
        assert_eq!(compare("ann", &expected, &shown).differences[0].number, Some(2));
    }
}
