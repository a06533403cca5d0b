//! The rules for data that this system cannot take as it is. `docs/reference/import.md` lists them.

/// What happens to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is imported as it is.
    Imported,
    /// It is imported with a change.
    Changed,
    /// It is not imported.
    Skipped,
}

impl Outcome {
    /// The outcome's name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Changed => "changed",
            Self::Skipped => "skipped",
        }
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $outcome:ident, $meaning:literal;)*) => {
        /// A rule that applies to a record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $meaning] $variant,)*
        }

        impl Rule {
            /// All rules.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The rule's name in reports.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What happens to the record.
            pub fn outcome(self) -> Outcome {
                match self { $(Self::$variant => Outcome::$outcome,)* }
            }

            /// One sentence on the condition and the effect.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

rules! {
    // Any record.
    AlreadyImported, "already_imported", Skipped, "An earlier import has inserted the record.";
    IdMissing, "id_missing", Changed, "The record has no id; its row number, such as `#7`, serves as one.";
    IdConverted, "id_converted", Changed, "An id or a reference has another type than usual; it is read as the id that it spells.";
    IdRepeated, "id_repeated", Skipped, "An earlier record of the table has the id.";
    InvalidUnicode, "invalid_unicode", Changed, "A text is not valid UTF-8 or has a lone surrogate; U+FFFD replaces each invalid part.";
    ValueConverted, "value_converted", Changed, "A number, boolean or binary value is where a text belongs; it is read as its digits, or as UTF-8.";
    // Users.
    NameMissing, "name_missing", Changed, "The user has no name; `user-` and the id serve as one.";
    NameCharacters, "name_characters", Changed, "The name has a slash or U+0000; `_` replaces each.";
    NamePath, "name_path", Changed, "The name is `.` or `..`, which browsers remove from an address; `user-` and the id replace it.";
    NameTooLong, "name_too_long", Changed, "The name has more than 1,000 bytes, more than the index of names takes; `user-` and the id replace it.";
    NameNormalized, "name_normalized", Changed, "The name is not in Unicode NFC and is normalized.";
    NameTaken, "name_taken", Changed, "Another user has the name, perhaps only after normalization; `-2`, `-3` and so on are appended.";
    NameKept, "name_kept", Imported, "A new user could not choose the name; the user keeps it.";
    EmailMissing, "email_missing", Changed, "The user has no e-mail address; the user signs in without one.";
    EmailInvalid, "email_invalid", Imported, "The e-mail address is none; it is kept as it is.";
    EmailCharacters, "email_characters", Changed, "The e-mail address has U+0000, which is removed.";
    PasswordUnusable, "password_unusable", Changed, "There is no password, or its form is unknown; the user cannot sign in until an operator resets it.";
    SaltEmpty, "salt_empty", Imported, "The salt is empty rather than null; the password counts as plain text.";
    FollowsUnreadable, "follows_unreadable", Changed, "The list of follows or followers is not a list; it counts as empty.";
    // Messages.
    AuthorUnknown, "author_unknown", Skipped, "No user has the author's id.";
    AuthorRenamed, "author_renamed", Imported, "The message names its author otherwise than the user with the author's id; the id counts.";
    TextMissing, "text_missing", Changed, "There is no text; the message has an empty one.";
    TextEmpty, "text_empty", Imported, "The text is empty or only white space; it is kept as it is.";
    TextUnreadable, "text_unreadable", Skipped, "The text is a list, a document or another value without a text.";
    TextNul, "text_nul", Changed, "The text has U+0000, which PostgreSQL cannot store; U+FFFD replaces each.";
    TextLong, "text_long", Imported, "The text has more than 280 characters; it is kept whole.";
    TimeConverted, "time_converted", Changed, "The time has another type than usual, such as text; it is read as the time that it spells.";
    TimeMissing, "time_missing", Changed, "There is no time; the time of the ObjectId replaces it, or that of the import.";
    TimeImpossible, "time_impossible", Changed, "The time is unreadable, not after 1970-01-01, or after the year 9999; the time of the ObjectId replaces it, or that of the import.";
    TimeFuture, "time_future", Changed, "The time is after that of the import, which replaces it.";
    FlagUnreadable, "flag_unreadable", Changed, "The mark of moderators is null or unreadable; the message counts as not flagged.";
    // Follows.
    FollowUserUnknown, "follow_user_unknown", Skipped, "No user has the id of the follower or of the followee.";
    FollowOfSelf, "follow_of_self", Skipped, "The user follows themself.";
    FollowRepeated, "follow_repeated", Skipped, "The same follow occurs earlier.";
    FollowOnlyByFollower, "follow_only_by_follower", Imported, "Only the follower lists the follow, and not the followee; it is imported.";
    FollowOnlyByFollowee, "follow_only_by_followee", Imported, "Only the followee lists the follow, and not the follower; it is imported.";
    // Latest.
    LatestUnreadable, "latest_unreadable", Skipped, "The value is not a whole number of at least 0.";
    LatestRepeated, "latest_repeated", Skipped, "There is an earlier value.";
    LatestKept, "latest_kept", Skipped, "This system has a value of its own, which stays.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_lists_every_rule_with_its_outcome() {
        let reference = include_str!("../../../docs/reference/import.md");
        for rule in Rule::ALL {
            let (name, outcome) = (rule.name(), rule.outcome().name());
            let row = format!("| `{name}` | {outcome} | {} |", rule.meaning());
            assert!(reference.contains(&row), "docs/reference/import.md lacks: {row}");
        }
    }
}
