//! The file format: valid scenarios, and lines that are rejected.

use proptest::prelude::*;

use super::*;

#[test]
fn each_kind_of_command_is_parsed() {
    let text = "0\t0\t1582246860738\tregister\tRoger Histand\tr@h\t]=)[X{Km{z\n\
                3\t36\t15\ttweet\tRoger Histand\tsays \"hi\"\r\n\
                4\t7\t16\tfollow\tRoger Histand\t李小龍 🐉\n\
                5\t7\t17\tunfollow\t李小龍 🐉\tRoger Histand";
    let scenario = Scenario::parse(text).expect("four commands");
    let users: Vec<&str> = scenario.users().iter().map(AsRef::as_ref).collect();
    assert_eq!(users, ["Roger Histand", "李小龍 🐉"]);
    let kinds: Vec<CommandKind> = scenario.commands().iter().map(Command::kind).collect();
    assert_eq!(kinds, CommandKind::ALL);
    assert_eq!(scenario.commands()[1].action, Action::Tweet("says \"hi\"".into()));
    assert_eq!(scenario.to_text(), text.replace('\r', "") + "\n");
}

#[test]
fn each_mistake_is_named_in_the_error() {
    for (line, complaint) in [
        ("", "a command has 6 fields between tabs, and this line has 1"),
        ("1\t2\t3\ttweet\tRoger", "tweet has 6 fields between tabs, and this line has 5"),
        ("1\t2\t3\tregister\tRoger\ta@b", "register has 7 fields"),
        ("1\t2\t3\tfollow\tRoger\tBob\tEve", "follow has 6 fields"),
        ("one\t2\t3\ttweet\tRoger\thi", "the number must be a whole number, at least 0"),
        ("-1\t2\t3\ttweet\tRoger\thi", "and is \"-1\""),
        ("1\t2.5\t3\ttweet\tRoger\thi", "the delay must be"),
        ("1\t2\t\ttweet\tRoger\thi", "the timestamp must be"),
        ("1\t2\t3\tTweet\tRoger\thi", "register, tweet, follow or unfollow, and is \"Tweet\""),
        ("1\t2\t3\ttweet\t\thi", "name of a user is missing"),
        ("1\t2\t3\tunfollow\tRoger\t", "name of a user is missing"),
        ("1\t2\t3\ttweet\tRoger\ta\rb", "a carriage return within the line"),
    ] {
        let wrong = Scenario::parse(&format!("{line}\n")).expect_err(line);
        assert!(wrong.to_string().contains(complaint), "{line:?}: {wrong}");
    }
    let not_utf8 = Scenario::default().push_line(b"1\t2\t3\ttweet\tRoger\t\xff");
    assert_eq!(not_utf8, Err(LineError::NotUtf8));
}

/// Any text that a field can hold.
fn field(at_least: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), at_least..20).prop_map(|characters| {
        let allowed = |it: char| if "\t\r\n".contains(it) { ' ' } else { it };
        characters.into_iter().map(allowed).collect()
    })
}

prop_compose! {
    fn line()(
        numbers in (0..=i64::MAX, 0..=i64::MAX, 0..=i64::MAX),
        kind in proptest::sample::select(&CommandKind::ALL[..]),
        user in field(1),
        followee in field(1),
        texts in (field(0), field(0)),
    ) -> String {
        let (number, delay, timestamp) = numbers;
        let rest = match kind {
            CommandKind::Register => format!("{}\t{}", texts.0, texts.1),
            CommandKind::Tweet => texts.0,
            CommandKind::Follow | CommandKind::Unfollow => followee,
        };
        format!("{number}\t{delay}\t{timestamp}\t{}\t{user}\t{rest}\n", kind.name())
    }
}

proptest! {
    #[test]
    fn a_parsed_scenario_is_written_unchanged(lines in proptest::collection::vec(line(), 0..20)) {
        let text = lines.concat();
        let scenario = Scenario::parse(&text).expect("valid");
        prop_assert_eq!(scenario.commands().len(), lines.len());
        prop_assert_eq!(scenario.to_text(), text);
    }

    #[test]
    fn no_line_makes_the_parser_panic(bytes in any::<Vec<u8>>()) {
        let _ = Scenario::default().push_line(&bytes);
    }
}
