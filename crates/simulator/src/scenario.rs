//! Scenarios: lists of simulator commands, and the tab-separated format that stores them.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CommandKind {
    /// Register a user.
    Register,
    /// Post a message.
    Tweet,
    /// Follow a user.
    Follow,
    /// Unfollow a user.
    Unfollow,
}

impl CommandKind {
    /// All kinds, in the order of the reports.
    pub const ALL: [Self; 4] = [Self::Register, Self::Tweet, Self::Follow, Self::Unfollow];

    /// The kind's word in the file format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Tweet => "tweet",
            Self::Follow => "follow",
            Self::Unfollow => "unfollow",
        }
    }
}

/// The index of a user in [`Scenario::users`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserIndex(u32);

impl UserIndex {
    /// The index as a number.
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

/// One command: a line of the file format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The value of the request's `latest` parameter.
    pub number: i64,
    /// Milliseconds since the previous command. Only stored: the pace decides when commands are sent.
    pub delay: u64,
    /// Milliseconds since the Unix epoch. Only stored.
    pub timestamp: i64,
    /// The acting user.
    pub user: UserIndex,
    /// The action.
    pub action: Action,
}

/// An action with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Register the acting user.
    Register {
        /// The e-mail address.
        email: Box<str>,
        /// The password.
        password: Box<str>,
    },
    /// Post this message.
    Tweet(Box<str>),
    /// Follow that user.
    Follow(UserIndex),
    /// Unfollow that user.
    Unfollow(UserIndex),
}

impl Command {
    /// The kind of the action.
    pub const fn kind(&self) -> CommandKind {
        match self.action {
            Action::Register { .. } => CommandKind::Register,
            Action::Tweet(_) => CommandKind::Tweet,
            Action::Follow(_) => CommandKind::Follow,
            Action::Unfollow(_) => CommandKind::Unfollow,
        }
    }

    /// The user that the command follows or unfollows.
    pub const fn followee(&self) -> Option<UserIndex> {
        match self.action {
            Action::Follow(followee) | Action::Unfollow(followee) => Some(followee),
            Action::Register { .. } | Action::Tweet(_) => None,
        }
    }
}

/// Why a line is not a command.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The line is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// The number of fields does not fit the command.
    #[error("{command} has {expected} fields between tabs, and this line has {found}")]
    Fields {
        /// The command's word, or "a command" if the line has none.
        command: &'static str,
        /// The number of fields that the command has.
        expected: usize,
        /// The number of fields in the line.
        found: usize,
    },
    /// A field is not a number in range.
    #[error("the {field} must be a whole number, at least 0, and is {found:?}")]
    Number {
        /// The name of the field.
        field: &'static str,
        /// The content of the field.
        found: String,
    },
    /// The fourth field is not one of the four commands.
    #[error("the command must be register, tweet, follow or unfollow, and is {0:?}")]
    Command(String),
    /// A user name is empty.
    #[error("the name of a user is missing")]
    EmptyName,
    /// A carriage return that is not at the end of the line.
    #[error("there is a carriage return within the line")]
    CarriageReturn,
}

/// Why a scenario file is rejected.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("{}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A line is malformed.
    #[error("{}, line {line}: {wrong}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line number, from 1.
        line: usize,
        /// The mistake.
        wrong: LineError,
    },
    /// The file has no commands.
    #[error("{} has no commands", .0.display())]
    Empty(PathBuf),
}

/// Commands in order. Each user name is stored once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scenario {
    users: Vec<Box<str>>,
    commands: Vec<Command>,
    indexes: HashMap<Box<str>, UserIndex>,
}

impl Scenario {
    /// The names of all users, in the order of their first appearance.
    pub fn users(&self) -> &[Box<str>] {
        &self.users
    }

    /// The commands, in order.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// The name of a user.
    pub fn name(&self, user: UserIndex) -> &str {
        &self.users[user.get()]
    }

    /// Reads a whole file. Returns an error that names the first malformed line, if any.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let unreadable = |source| ScenarioError::Unreadable { path: path.to_owned(), source };
        Self::read_from(BufReader::new(File::open(path).map_err(unreadable)?), path)
    }

    /// Reads all lines of `input`; errors name it `path`.
    pub fn read_from(mut input: impl BufRead, path: &Path) -> Result<Self, ScenarioError> {
        let unreadable = |source| ScenarioError::Unreadable { path: path.to_owned(), source };
        let mut scenario = Self::default();
        let mut bytes = Vec::new();
        for line in 1.. {
            bytes.clear();
            if input.read_until(b'\n', &mut bytes).map_err(unreadable)? == 0 {
                break;
            }
            let wrong = |wrong| ScenarioError::Line { path: path.to_owned(), line, wrong };
            scenario.push_line(&bytes).map_err(wrong)?;
        }
        if scenario.commands.is_empty() {
            return Err(ScenarioError::Empty(path.to_owned()));
        }
        Ok(scenario)
    }

    /// Adds the command of one line, with or without a line ending.
    fn push_line(&mut self, bytes: &[u8]) -> Result<(), LineError> {
        let line = str::from_utf8(bytes).map_err(|_| LineError::NotUtf8)?;
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.contains('\r') {
            return Err(LineError::CarriageReturn);
        }
        let fields: Vec<&str> = line.split('\t').collect();
        let [number, delay, timestamp, word, user, rest @ ..] = &fields[..] else {
            let command = "a command";
            return Err(LineError::Fields { command, expected: 6, found: fields.len() });
        };
        let number = whole("number", number)?;
        let delay = whole("delay", delay)?.unsigned_abs();
        let timestamp = whole("timestamp", timestamp)?;
        let user = self.user(user)?;
        let action = self.action(word, rest)?;
        self.commands.push(Command { number, delay, timestamp, user, action });
        Ok(())
    }

    fn action(&mut self, word: &str, rest: &[&str]) -> Result<Action, LineError> {
        let command = CommandKind::ALL.into_iter().find(|kind| kind.name() == word);
        let kind = command.ok_or_else(|| LineError::Command(word.to_owned()))?;
        Ok(match (kind, rest) {
            (CommandKind::Register, &[email, password]) => {
                Action::Register { email: email.into(), password: password.into() }
            }
            (CommandKind::Tweet, &[text]) => Action::Tweet(text.into()),
            (CommandKind::Follow, &[followee]) => Action::Follow(self.user(followee)?),
            (CommandKind::Unfollow, &[followee]) => Action::Unfollow(self.user(followee)?),
            (kind, rest) => {
                let expected = if kind == CommandKind::Register { 7 } else { 6 };
                let found = rest.len() + 5;
                return Err(LineError::Fields { command: kind.name(), expected, found });
            }
        })
    }

    fn user(&mut self, name: &str) -> Result<UserIndex, LineError> {
        if name.is_empty() {
            return Err(LineError::EmptyName);
        }
        if let Some(known) = self.indexes.get(name) {
            return Ok(*known);
        }
        // More than 4 billion names would not fit in memory.
        let index = UserIndex(u32::try_from(self.users.len()).unwrap_or(u32::MAX));
        self.users.push(name.into());
        self.indexes.insert(name.into(), index);
        Ok(index)
    }

    /// Adds a user unless the name exists. The name must not contain tabs or line ends.
    pub(crate) fn add_user(&mut self, name: &str) -> Option<UserIndex> {
        if self.indexes.contains_key(name) { None } else { self.user(name).ok() }
    }

    /// Adds a command. Its texts must not contain tabs or line ends.
    pub(crate) fn push(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Writes the scenario in the file format.
    pub fn write(&self, mut output: impl Write) -> io::Result<()> {
        for command in &self.commands {
            let Command { number, delay, timestamp, user, action } = command;
            let (word, user) = (command.kind().name(), self.name(*user));
            write!(output, "{number}\t{delay}\t{timestamp}\t{word}\t{user}\t")?;
            match action {
                Action::Register { email, password } => writeln!(output, "{email}\t{password}")?,
                Action::Tweet(text) => writeln!(output, "{text}")?,
                Action::Follow(followee) | Action::Unfollow(followee) => {
                    writeln!(output, "{}", self.name(*followee))?;
                }
            }
        }
        output.flush()
    }
}

fn whole(field: &'static str, text: &str) -> Result<i64, LineError> {
    let digits = text.bytes().all(|it| it.is_ascii_digit());
    let number = text.parse::<i64>().ok().filter(|_| digits);
    number.ok_or_else(|| LineError::Number { field, found: text.to_owned() })
}

#[cfg(test)]
impl Scenario {
    pub(crate) fn parse(text: &str) -> Result<Self, LineError> {
        let mut scenario = Self::default();
        for line in text.split_inclusive('\n') {
            scenario.push_line(line.as_bytes())?;
        }
        Ok(scenario)
    }

    pub(crate) fn to_text(&self) -> String {
        let mut bytes = Vec::new();
        self.write(&mut bytes).expect("memory");
        String::from_utf8(bytes).expect("text")
    }
}

#[cfg(test)]
mod tests;
