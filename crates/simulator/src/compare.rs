//! Compares what the API returns of a user with the model, and names each difference.

use std::collections::HashMap;

use crate::{
    model::{Expected, ExpectedMessage, UserState},
    requests::API_PAGE_MAX,
};

/// How the system differs from the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// A registered user is missing.
    UserMissing,
    /// A user exists without a registration.
    UserUnexpected,
    /// An accepted message is missing.
    MessageMissing,
    /// A message exists more often than it was posted.
    MessageDuplicated,
    /// A message exists that was not posted, or was rejected.
    MessageUnexpected,
    /// A user's messages are not in the order in which they were posted, newest first.
    MessagesOutOfOrder,
    /// An accepted follow is missing.
    FollowMissing,
    /// A follow exists that was not accepted, or was undone.
    FollowUnexpected,
    /// A follow is in the list twice.
    FollowDuplicated,
    /// A user's follows are not in the order in which they began.
    FollowsOutOfOrder,
    /// `latest` is not the number of a command that may have arrived last.
    LatestWrong,
    /// A response violates the contract.
    Malformed,
}

impl DifferenceKind {
    /// The name in reports.
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
            Self::Malformed => "response malformed",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The kind.
    pub kind: DifferenceKind,
    /// The user concerned, if any.
    pub user: Option<String>,
    /// The number of the command concerned, if any.
    pub number: Option<i64>,
    /// The message, the followee, or the value that the API returned.
    pub detail: String,
}

/// The comparison of one user.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) differences: Vec<Difference>,
    /// Data that the API does not return, with the reason.
    pub(crate) unverifiable: Vec<String>,
}

/// Compares the state of a user with the model.
pub(crate) fn compare(name: &str, expected: &Expected<'_>, shown: &UserState) -> Comparison {
    let mut comparison = Comparer { name, result: Comparison::default() };
    match (expected.exists, shown.exists) {
        // Messages and follows of a missing user are not listed separately.
        (Some(true), false) => {
            comparison.differs(DifferenceKind::UserMissing, None, "not registered")
        }
        (Some(false), true) => {
            comparison.differs(DifferenceKind::UserUnexpected, None, "registered")
        }
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

/// How often one text was posted, and how often the API returns it.
#[derive(Default)]
struct Occurrences {
    /// The commands that certainly posted it; `None` for a message from before the run.
    certain: Vec<Option<i64>>,
    uncertain: usize,
    shown: usize,
}

impl Comparer<'_> {
    fn differs(&mut self, kind: DifferenceKind, number: Option<i64>, detail: &str) {
        let (user, detail) = (Some(self.name.to_owned()), detail.to_owned());
        self.result.differences.push(Difference { kind, user, number, detail });
    }

    /// Compares the messages. `shown` is oldest first, with at most [`API_PAGE_MAX`] messages.
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
        // Uncertain and already reported messages are excluded from the check of the order.
        let settled = |text: &str| texts.get(text).is_some_and(Occurrences::are_settled);
        let wanted = visible.iter().filter(|it| settled(it.text));
        let found = shown.iter().filter(|text| settled(text));
        if let Some((wanted, _)) = wanted.zip(found).find(|(wanted, found)| wanted.text != **found)
        {
            self.differs(DifferenceKind::MessagesOutOfOrder, wanted.number, wanted.text);
        }
    }

    /// The expected messages that the API may return: the newest [`API_PAGE_MAX`], and some older ones.
    /// For each uncertain message that does not exist, the response contains an older one. So as many
    /// older messages as there are uncertain ones count as uncertain, too.
    fn visible<'a>(&mut self, expected: &Expected<'a>) -> Vec<ExpectedMessage<'a>> {
        let all = &expected.messages;
        let uncertain = all.iter().filter(|message| !message.certain).count();
        if expected.posted > API_PAGE_MAX {
            let hidden = expected.posted - API_PAGE_MAX;
            self.result.unverifiable.push(format!(
                "{}: {hidden} messages older than the {API_PAGE_MAX} that the API returns",
                self.name
            ));
        }
        let certainly_shown = all.len().saturating_sub(API_PAGE_MAX);
        let possibly_shown = certainly_shown.saturating_sub(uncertain);
        let unsure = all[possibly_shown..certainly_shown].iter().cloned();
        let unsure = unsure.map(|message| ExpectedMessage { certain: false, ..message });
        unsure.chain(all[certainly_shown..].iter().cloned()).collect()
    }

    fn message(&mut self, text: &str, occurrences: &Occurrences) {
        let Occurrences { certain, uncertain, shown } = occurrences;
        for number in certain.iter().skip(*shown) {
            self.differs(DifferenceKind::MessageMissing, *number, text);
        }
        let posted = certain.len() + uncertain;
        let kind = if posted > 0 {
            DifferenceKind::MessageDuplicated
        } else {
            DifferenceKind::MessageUnexpected
        };
        for _ in posted..*shown {
            self.differs(kind, certain.first().copied().flatten(), text);
        }
    }

    /// Compares the follows. `shown` is oldest first, with at most [`API_PAGE_MAX`] names.
    fn follows(&mut self, expected: &Expected<'_>, shown: &[String]) {
        let possible =
            expected.follows.values().filter(|it| it.must_exist() != Some(false)).count();
        if possible > API_PAGE_MAX {
            self.result.unverifiable.push(format!(
                "{}: up to {possible} follows, of which the API returns {API_PAGE_MAX}",
                self.name
            ));
            return;
        }
        let mut counts: HashMap<&str, usize> = HashMap::new();
        shown.iter().for_each(|name| *counts.entry(name).or_default() += 1);
        let mut named: Vec<_> = expected.follows.iter().collect();
        named.sort_by_key(|(followee, follow)| (follow.number, *followee));
        for (followee, follow) in named {
            match (follow.must_exist(), counts.remove(followee.as_ref())) {
                (Some(true), None) => {
                    self.differs(DifferenceKind::FollowMissing, follow.number, followee)
                }
                (Some(false), Some(_)) => {
                    self.differs(DifferenceKind::FollowUnexpected, follow.number, followee)
                }
                (_, Some(2..)) => {
                    self.differs(DifferenceKind::FollowDuplicated, follow.number, followee)
                }
                _ => {}
            }
        }
        let mut unknown: Vec<&str> = counts.into_keys().collect();
        unknown.sort_unstable();
        unknown
            .iter()
            .for_each(|followee| self.differs(DifferenceKind::FollowUnexpected, None, followee));
        self.order_of_follows(expected, shown);
    }

    fn order_of_follows(&mut self, expected: &Expected<'_>, shown: &[String]) {
        let known = |name: &String| expected.follows.get(name.as_str());
        let positions = shown.iter().filter_map(|name| Some((name, known(name)?.position()?)));
        let positions: Vec<(&String, usize)> = positions.collect();
        if let Some(pair) = positions.windows(2).find(|pair| pair[0].1 > pair[1].1) {
            let (name, _) = pair[1];
            let number = known(name).and_then(|follow| follow.number);
            self.differs(DifferenceKind::FollowsOutOfOrder, number, name);
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
        model::CommandsByUser,
        outcome::{CommandError, Outcome},
        scenario::Scenario,
    };

    const DONE: Outcome = Outcome::Done;
    const LATE: Outcome = Outcome::Failed(CommandError::ReadTimeout);
    const REJECTED: Outcome = Outcome::Failed(CommandError::Status(400));

    /// The differences if ann's commands have these outcomes and the API returns these lists.
    fn differences(
        commands: &[(&str, Outcome)],
        messages: &[&str],
        followees: &[&str],
    ) -> Vec<(DifferenceKind, Option<i64>)> {
        let lines = (0..).zip(commands);
        let lines = lines.map(|(number, (line, _))| format!("{number}\t0\t0\t{line}\n"));
        let scenario = Scenario::parse(&lines.collect::<String>()).expect("valid");
        let outcomes: Vec<_> = commands.iter().map(|(_, outcome)| Some(*outcome)).collect();
        let before = UserState { exists: true, ..UserState::default() };
        let by_user = CommandsByUser::new(&scenario);
        let expected = Expected::of(&scenario, &by_user, &outcomes, 0, &before);
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let (messages, followees) = (owned(messages), owned(followees));
        let comparison =
            compare("ann", &expected, &UserState { exists: true, messages, followees });
        assert_eq!(comparison.unverifiable, [""; 0]);
        comparison.differences.iter().map(|it| (it.kind, it.number)).collect()
    }

    const ONE: &str = "tweet\tann\tone";
    const TWO: &str = "tweet\tann\ttwo";
    const FOLLOW: &str = "follow\tann\tbob";
    const UNFOLLOW: &str = "unfollow\tann\tbob";

    #[test]
    fn every_message_must_exist_once_and_in_order() {
        let both = [(ONE, DONE), (TWO, DONE)];
        assert_eq!(differences(&both, &["one", "two"], &[]), []);
        assert_eq!(
            differences(&both, &["two", "one"], &[]),
            [(DifferenceKind::MessagesOutOfOrder, Some(0))]
        );
        assert_eq!(differences(&both, &["one"], &[]), [(DifferenceKind::MessageMissing, Some(1))]);
        let twice = ["one", "two", "two"];
        assert_eq!(differences(&both, &twice, &[]), [(DifferenceKind::MessageDuplicated, Some(1))]);
        let strange = ["one", "two", "three"];
        assert_eq!(differences(&both, &strange, &[]), [(DifferenceKind::MessageUnexpected, None)]);
        let same = [(ONE, DONE), (ONE, DONE)];
        assert_eq!(differences(&same, &["one", "one"], &[]), [], "it was posted twice");
        assert_eq!(differences(&same, &["one"], &[]), [(DifferenceKind::MessageMissing, Some(1))]);
    }

    #[test]
    fn a_late_message_may_exist_or_not_at_any_position_but_not_twice() {
        let commands = [(ONE, LATE), (TWO, DONE)];
        for shown in [&["two"][..], &["one", "two"], &["two", "one"]] {
            assert_eq!(differences(&commands, shown, &[]), []);
        }
        let twice = ["one", "two", "one"];
        assert_eq!(
            differences(&commands, &twice, &[]),
            [(DifferenceKind::MessageDuplicated, None)]
        );
        let rejected = [(ONE, REJECTED)];
        assert_eq!(
            differences(&rejected, &["one"], &[]),
            [(DifferenceKind::MessageUnexpected, None)]
        );
    }

    #[test]
    fn a_follow_exists_until_it_is_undone() {
        assert_eq!(differences(&[(FOLLOW, DONE)], &[], &["bob"]), []);
        assert_eq!(
            differences(&[(FOLLOW, DONE)], &[], &[]),
            [(DifferenceKind::FollowMissing, Some(0))]
        );
        let undone = [(FOLLOW, DONE), (UNFOLLOW, DONE)];
        assert_eq!(differences(&undone, &[], &[]), []);
        assert_eq!(
            differences(&undone, &[], &["bob"]),
            [(DifferenceKind::FollowUnexpected, Some(1))]
        );
        let twice = ["bob", "bob"];
        assert_eq!(
            differences(&[(FOLLOW, DONE)], &[], &twice),
            [(DifferenceKind::FollowDuplicated, Some(0))]
        );
        let again = [(FOLLOW, DONE), ("follow\tann\teve", DONE), (FOLLOW, DONE)];
        assert_eq!(differences(&again, &[], &["bob", "eve"]), [], "the first time counts");
        assert_eq!(
            differences(&again, &[], &["eve", "bob"]),
            [(DifferenceKind::FollowsOutOfOrder, Some(2))]
        );
    }

    #[test]
    fn a_late_follow_or_unfollow_may_take_effect_after_all_others() {
        for commands in [
            &[(FOLLOW, LATE)][..],
            &[(FOLLOW, LATE), (UNFOLLOW, DONE)],
            &[(FOLLOW, DONE), (UNFOLLOW, LATE)],
            &[(UNFOLLOW, LATE), (FOLLOW, DONE)],
        ] {
            assert_eq!(differences(commands, &[], &["bob"]), [], "{commands:?}");
            assert_eq!(differences(commands, &[], &[]), [], "{commands:?}");
        }
        let both = [(FOLLOW, DONE), (FOLLOW, LATE)];
        assert_eq!(differences(&both, &[], &[]), [(DifferenceKind::FollowMissing, Some(0))]);
    }

    #[test]
    fn names_are_compared_in_unicode_nfc() {
        assert_eq!(differences(&[("follow\tann\tJose\u{301}", DONE)], &[], &["José"]), []);
    }

    #[test]
    fn messages_beyond_the_api_page_are_unverifiable() {
        let line = |number| format!("{number}\t0\t0\ttweet\tann\t{number}\n");
        let scenario = Scenario::parse(&(0..1_002).map(line).collect::<String>()).expect("valid");
        let (before, by_user) = (UserState::default(), CommandsByUser::new(&scenario));
        let outcomes = vec![Some(DONE); 1_002];
        let expected = Expected::of(&scenario, &by_user, &outcomes, 0, &before);
        let messages: Vec<String> = (2..1_002).map(|number: u32| number.to_string()).collect();
        let mut shown = UserState { exists: true, messages, followees: Vec::new() };
        let comparison = compare("ann", &expected, &shown);
        assert_eq!(comparison.differences, []);
        assert!(
            matches!(&comparison.unverifiable[..], [one] if one.starts_with("ann: 2 messages"))
        );
        shown.messages.remove(0);
        assert_eq!(compare("ann", &expected, &shown).differences[0].number, Some(2));
    }
}
