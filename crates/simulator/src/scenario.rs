//! Scenarios: the commands of a script, and the tab-separated format that they are kept in.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Somebody signs up.
    Register,
    /// Somebody posts a message.
    Tweet,
    /// Somebody follows somebody.
    Follow,
    /// Somebody follows somebody no more.
    Unfollow,
}

impl Kind {
    /// All kinds, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Register, Self::Tweet, Self::Follow, Self::Unfollow];

    /// The word of the format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Tweet => "tweet",
            Self::Follow => "follow",
            Self::Unfollow => "unfollow",
        }
    }
}

/// A user of one scenario, by the place of the name in [`Scenario::users`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserIndex(u32);

impl UserIndex {
    /// The place of the user's name.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

/// One command, a line of the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What the request says in `latest`.
    pub number: i64,
    /// Milliseconds since the command before. Kept, not obeyed.
    pub delay: u64,
    /// Milliseconds since the Unix epoch. Kept, not obeyed.
    pub timestamp: i64,
    /// Who acts.
    pub user: UserIndex,
    /// What they do.
    pub action: Action,
}

/// What a command does, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Sign up.
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
    /// The kind of what the command does.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.action {
            Action::Register { .. } => Kind::Register,
            Action::Tweet(_) => Kind::Tweet,
            Action::Follow(_) => Kind::Follow,
            Action::Unfollow(_) => Kind::Unfollow,
        }
    }

    /// Whom the command names beside its own user.
    #[must_use]
    pub const fn whom(&self) -> Option<UserIndex> {
        match self.action {
            Action::Follow(whom) | Action::Unfollow(whom) => Some(whom),
            Action::Register { .. } | Action::Tweet(_) => None,
        }
    }
}

/// A line that is no command.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// It is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// It has another number of fields than its command.
    #[error("{command} has {expected} fields between tabs, and this line has {found}")]
    Fields {
        /// What is read, or "a command" where not even that is known.
        command: &'static str,
        /// How many fields there must be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A field is no number that fits.
    #[error("the {field} must be a whole number, at least 0, and is {found:?}")]
    Number {
        /// Which.
        field: &'static str,
        /// What it says.
        found: String,
    },
    /// The fourth field is none of the four commands.
    #[error("the command must be register, tweet, follow or unfollow, and is {0:?}")]
    Command(String),
    /// A user without a name.
    #[error("the name of a user is missing")]
    NoName,
    /// A carriage return that does not end the line.
    #[error("there is a carriage return within the line")]
    CarriageReturn,
}

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("{}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is wrong.
    #[error("{}, line {line}: {wrong}", path.display())]
    Line {
        /// Of which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        wrong: BadLine,
    },
    /// There is nothing to play.
    #[error("{} has no commands", .0.display())]
    Empty(PathBuf),
}

/// Commands in the order of their script. Each name is kept once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scenario {
    users: Vec<Box<str>>,
    commands: Vec<Command>,
    places: HashMap<Box<str>, UserIndex>,
}

impl Scenario {
    /// The names of all who act or are named, in the order in which they first are.
    #[must_use]
    pub fn users(&self) -> &[Box<str>] {
        &self.users
    }

    /// The commands, in the order of the script.
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// The name of a user.
    #[must_use]
    pub fn name(&self, user: UserIndex) -> &str {
        &self.users[user.get()]
    }

    /// Reads a file to its end.
    ///
    /// # Errors
    /// When it cannot be read, has no commands, or a line is wrong: then which, and what is wrong.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let unreadable = |source| ScenarioError::Unreadable { path: path.to_owned(), source };
        let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
        let mut scenario = Self::default();
        let mut bytes = Vec::new();
        for line in 1.. {
            bytes.clear();
            if file.read_until(b'\n', &mut bytes).map_err(unreadable)? == 0 {
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

    /// Adds the command of one line, with or without its end.
    fn push_line(&mut self, bytes: &[u8]) -> Result<(), BadLine> {
        let line = str::from_utf8(bytes).map_err(|_| BadLine::NotUtf8)?;
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.contains('\r') {
            return Err(BadLine::CarriageReturn);
        }
        let fields: Vec<&str> = line.split('\t').collect();
        let [number, delay, timestamp, word, user, rest @ ..] = &fields[..] else {
            let command = "a command";
            return Err(BadLine::Fields { command, expected: 6, found: fields.len() });
        };
        let number = whole("number", number)?;
        let delay = whole("delay", delay)?.unsigned_abs();
        let timestamp = whole("timestamp", timestamp)?;
        let user = self.user(user)?;
        let action = self.action(word, rest)?;
        self.commands.push(Command { number, delay, timestamp, user, action });
        Ok(())
    }

    fn action(&mut self, word: &str, rest: &[&str]) -> Result<Action, BadLine> {
        let command = Kind::ALL.into_iter().find(|kind| kind.name() == word);
        let kind = command.ok_or_else(|| BadLine::Command(word.to_owned()))?;
        Ok(match (kind, rest) {
            (Kind::Register, &[email, password]) => {
                Action::Register { email: email.into(), password: password.into() }
            }
            (Kind::Tweet, &[text]) => Action::Tweet(text.into()),
            (Kind::Follow, &[whom]) => Action::Follow(self.user(whom)?),
            (Kind::Unfollow, &[whom]) => Action::Unfollow(self.user(whom)?),
            (kind, rest) => {
                let expected = if kind == Kind::Register { 7 } else { 6 };
                let found = rest.len() + 5;
                return Err(BadLine::Fields { command: kind.name(), expected, found });
            }
        })
    }

    fn user(&mut self, name: &str) -> Result<UserIndex, BadLine> {
        if name.is_empty() {
            return Err(BadLine::NoName);
        }
        if let Some(known) = self.places.get(name) {
            return Ok(*known);
        }
        // A file of four thousand million names is none.
        let index = UserIndex(u32::try_from(self.users.len()).unwrap_or(u32::MAX));
        self.users.push(name.into());
        self.places.insert(name.into(), index);
        Ok(index)
    }

    /// Adds somebody of a new name, without tabs or line ends in it.
    pub(super) fn add_user(&mut self, name: &str) -> Option<UserIndex> {
        if self.places.contains_key(name) { None } else { self.user(name).ok() }
    }

    /// Adds a command, whose texts are without tabs and line ends.
    pub(super) fn push(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Writes the scenario in its format.
    ///
    /// # Errors
    /// When `output` cannot be written to.
    pub fn write(&self, mut output: impl Write) -> io::Result<()> {
        for command in &self.commands {
            let Command { number, delay, timestamp, user, action } = command;
            let (word, user) = (command.kind().name(), self.name(*user));
            write!(output, "{number}\t{delay}\t{timestamp}\t{word}\t{user}\t")?;
            match action {
                Action::Register { email, password } => writeln!(output, "{email}\t{password}")?,
                Action::Tweet(text) => writeln!(output, "{text}")?,
                Action::Follow(whom) | Action::Unfollow(whom) => {
                    writeln!(output, "{}", self.name(*whom))?;
                }
            }
        }
        output.flush()
    }
}

fn whole(field: &'static str, text: &str) -> Result<i64, BadLine> {
    let digits = text.bytes().all(|it| it.is_ascii_digit());
    let number = text.parse::<i64>().ok().filter(|_| digits);
    number.ok_or_else(|| BadLine::Number { field, found: text.to_owned() })
}

#[cfg(test)]
impl Scenario {
    /// The scenario of these lines.
    pub(super) fn parse(text: &str) -> Result<Self, BadLine> {
        let mut scenario = Self::default();
        for line in text.split_inclusive('\n') {
            scenario.push_line(line.as_bytes())?;
        }
        Ok(scenario)
    }

    /// The lines of this scenario.
    pub(super) fn written(&self) -> String {
        let mut bytes = Vec::new();
        self.write(&mut bytes).expect("memory");
        String::from_utf8(bytes).expect("text")
    }
}

#[cfg(test)]
mod tests;
