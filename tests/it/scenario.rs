//! A scenario played in order, as the simulator plays it, and then compared with a model of it.
//!
//! Plays one of its own making; with SCENARIO=FILE that file, with the simulator's own time-out, and
//! prints how long the answers took. BASE_URL names a server, which must be empty, such as
//! <http://127.0.0.1:5001>; without it one is started. To measure, build for release:
//! `SCENARIO=FILE cargo test --release --test it scenario -- --nocapture`

use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use reqwest::{Client, Method, RequestBuilder, redirect::Policy};
use serde_json::{Value, json};

use crate::support::{
    DEADLINE,
    actors::{Answer, encode},
    cluster::TestDatabase,
    process::Serving,
};

/// What the simulator waits for an answer.
const SIMULATORS_PATIENCE: Duration = Duration::from_millis(300);
/// How many rows a list of the API has at most.
const LONGEST_LIST: usize = 1_000;

/// A line of a scenario.
#[derive(Debug, Clone)]
struct Step {
    number: i64,
    user: String,
    command: Command,
}

#[derive(Debug, Clone)]
enum Command {
    Register { email: String, password: String },
    Tweet(String),
    Follow(String),
    Unfollow(String),
}

impl Step {
    /// Reads `number, delay, timestamp, command, username, …`, separated by tabs.
    fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split('\t').collect();
        let command = match fields[3..] {
            ["register", _, email, password] => {
                Command::Register { email: email.into(), password: password.into() }
            }
            ["tweet", _, text] => Command::Tweet(text.into()),
            ["follow", _, whom] => Command::Follow(whom.into()),
            ["unfollow", _, whom] => Command::Unfollow(whom.into()),
            _ => panic!("no command: {line}"),
        };
        Self { number: fields[0].parse().expect("a number"), user: fields[4].into(), command }
    }

    fn kind(&self) -> &'static str {
        match self.command {
            Command::Register { .. } => "register",
            Command::Tweet(_) => "tweet",
            Command::Follow(_) => "follow",
            Command::Unfollow(_) => "unfollow",
        }
    }

    fn request(&self, player: &Player) -> RequestBuilder {
        let user = encode(&self.user);
        let (path, body) = match &self.command {
            Command::Register { email, password } => {
                let body = json!({"username": self.user, "email": email, "pwd": password});
                ("/register".to_owned(), body)
            }
            Command::Tweet(text) => (format!("/msgs/{user}"), json!({ "content": text })),
            Command::Follow(whom) => (format!("/fllws/{user}"), json!({ "follow": whom })),
            Command::Unfollow(whom) => (format!("/fllws/{user}"), json!({ "unfollow": whom })),
        };
        player.request(Method::POST, &format!("{path}?latest={}", self.number)).json(&body)
    }
}

/// Speaks as the simulator does: a connection a request, JSON, its credentials.
struct Player {
    base: String,
    client: Client,
}

impl Player {
    fn new(base: String, patience: Duration) -> Self {
        let client = Client::builder().pool_max_idle_per_host(0).redirect(Policy::none());
        Self { base, client: client.timeout(patience).build().expect("a client") }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .header("Connection", "close")
            .header("Authorization", "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh")
    }

    /// What an endpoint that must succeed returns; asked at leisure, since nothing is measured.
    async fn get(&self, path: &str) -> Value {
        let answer = Answer::of(self.request(Method::GET, path).timeout(DEADLINE)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }
}

/// What must be there once a scenario has been played.
#[derive(Default)]
struct Model {
    users: BTreeMap<String, Account>,
    latest: i64,
}

#[derive(Default)]
struct Account {
    messages: Vec<String>,
    /// Oldest follow first.
    followees: Vec<String>,
}

impl Model {
    fn of(steps: &[Step]) -> Self {
        let mut model = Self::default();
        for step in steps {
            let account = model.users.entry(step.user.clone()).or_default();
            match &step.command {
                Command::Register { .. } => {}
                Command::Tweet(text) => account.messages.push(text.clone()),
                Command::Follow(whom) if account.followees.contains(whom) => {}
                Command::Follow(whom) => account.followees.push(whom.clone()),
                Command::Unfollow(whom) => account.followees.retain(|followee| followee != whom),
            }
            model.latest = step.number;
        }
        model
    }

    /// How many users, messages and follows there are.
    fn counts(&self) -> (usize, usize, usize) {
        let messages = self.users.values().map(|account| account.messages.len()).sum();
        let follows = self.users.values().map(|account| account.followees.len()).sum();
        (self.users.len(), messages, follows)
    }

    /// Asserts that the server has all of it, in order, and no more.
    async fn compare(&self, player: &Player) {
        assert_eq!(player.get("/latest").await, json!({ "latest": self.latest }));
        for (user, account) in &self.users {
            let name = encode(user);
            let listed = player.get(&format!("/msgs/{name}?no={LONGEST_LIST}")).await;
            let contents = listed.as_array().expect("a list").iter();
            let contents: Vec<&str> =
                contents.map(|message| message["content"].as_str().expect("text")).collect();
            let newest: Vec<&String> = account.messages.iter().rev().take(LONGEST_LIST).collect();
            assert_eq!(contents, newest, "the messages of {user}");
            let listed = player.get(&format!("/fllws/{name}?no={LONGEST_LIST}")).await;
            assert_eq!(listed, json!({ "follows": account.followees }), "whom {user} follows");
        }
        let everybodys = player.get(&format!("/msgs?no={LONGEST_LIST}")).await;
        let (_, messages, _) = self.counts();
        assert_eq!(everybodys.as_array().map(Vec::len), Some(messages.min(LONGEST_LIST)));
    }
}

/// Answers to the commands of one kind.
#[derive(Default)]
struct Answers {
    times: Vec<Duration>,
    errors: Vec<String>,
}

/// Plays a scenario to its end, whatever fails. Returns the answers by kind of command.
async fn play(player: &Player, steps: &[Step]) -> BTreeMap<&'static str, Answers> {
    let mut answers: BTreeMap<&'static str, Answers> = BTreeMap::new();
    for step in steps {
        let request = step.request(player);
        let begun = Instant::now();
        let sent = request.send().await;
        let took = begun.elapsed();
        let of_kind = answers.entry(step.kind()).or_default();
        of_kind.times.push(took);
        match sent {
            Ok(response) if response.status() == 204 => {}
            Ok(response) => {
                let status = response.status();
                let text = response.text().await.unwrap_or_default();
                of_kind.errors.push(format!("{}: {status} {text}", step.number));
            }
            Err(error) => of_kind.errors.push(format!("{}: {error:?}", step.number)),
        }
    }
    answers
}

/// Prints a line for each kind of command; times are in milliseconds.
fn print_table(answers: &mut BTreeMap<&'static str, Answers>) {
    println!("command       count  errors    median      99 %       max   (ms)");
    for (kind, Answers { times, errors }) in answers {
        times.sort();
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
        let (median, high, max) = (at(50), at(99), at(100));
        let (count, failed) = (times.len(), errors.len());
        println!("{kind:<10} {count:>8} {failed:>7} {median:>9.2} {high:>9.2} {max:>9.2}");
    }
}

/// 40 users and some 800 commands in the mix of a real scenario, the same in every run.
fn own_scenario() -> Vec<Step> {
    let name = |number: usize| match number % 4 {
        0 => format!("Roger Histand {number}"),
        1 => format!("žluťoučký kůň {number} 🐴"),
        2 => format!("O'Brien \"{number}\" %2F?&#+;\\"),
        _ => format!("李小龍 {number}"),
    };
    let mut commands: Vec<(usize, Command)> = Vec::new();
    for user in 0..40 {
        let email = format!("user+{user}@example.org");
        commands.push((user, Command::Register { email, password: "]=)[X{Km{z".to_owned() }));
    }
    // Marsaglia's xorshift: what is drawn is the same everywhere.
    let mut state = 0x2545_f491_u32;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    for number in 0..760 {
        let user = draw(40);
        let whom = (user + 1 + draw(39)) % 40;
        commands.push(match draw(100) {
            ..44 => (user, Command::Tweet(format!("message {number} says “grüß Gott” 🐦 & <b>"))),
            44..82 => (user, Command::Follow(name(whom))),
            _ => (user, Command::Unfollow(name(whom))),
        });
    }
    let steps = commands.into_iter().enumerate().map(|(number, (user, command))| Step {
        number: number.try_into().expect("few"),
        user: name(user),
        command,
    });
    steps.collect()
}

/// Plays a scenario against the server at `base`, and checks what it leaves.
async fn play_and_compare(base: &str, patience: Duration, steps: &[Step]) {
    let player = Player::new(base.trim_end_matches('/').to_owned(), patience);
    let model = Model::of(steps);
    let mut answers = play(&player, steps).await;
    print_table(&mut answers);
    let (users, messages, follows) = model.counts();
    println!("{users} users, {messages} messages, {follows} follows, latest {}", model.latest);
    let errors: Vec<_> = answers.values().flat_map(|answers| &answers.errors).take(20).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    model.compare(&player).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scenario_leaves_what_its_model_says() {
    if let Some(file) = env::var_os("SCENARIO") {
        let text = fs::read_to_string(&file).expect("SCENARIO names a file");
        let steps: Vec<Step> = text.lines().map(Step::parse).collect();
        if let Ok(base) = env::var("BASE_URL") {
            return play_and_compare(&base, SIMULATORS_PATIENCE, &steps).await;
        }
        // With data on disk, so that what is measured is what is promised.
        let data = tempfile::tempdir().expect("a directory");
        let everybody = fs::Permissions::from_mode(0o755);
        fs::set_permissions(data.path(), everybody).expect("ours");
        let mut server = Serving::start(&["--data-dir", data.path().to_str().expect("text")]);
        play_and_compare(&format!("{}/sim", server.base), SIMULATORS_PATIENCE, &steps).await;
        assert!(server.end(nix::sys::signal::Signal::SIGTERM).success());
        return;
    }
    let steps = own_scenario();
    let unfollows = steps.iter().filter(|step| step.kind() == "unfollow").count();
    assert!(steps.len() == 800 && unfollows > 100, "{unfollows}");
    let database = TestDatabase::fresh().await;
    let server = Serving::start(&["--database-url", &database.url()]);
    play_and_compare(&format!("{}/sim", server.base), DEADLINE, &steps).await;
    let query = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM messages),
                        (SELECT count(*) FROM follows)";
    let counts: (i64, i64, i64) =
        sqlx::query_as(query).fetch_one(&mut database.connect().await).await.expect(query);
    let (users, messages, follows) = Model::of(&steps).counts();
    assert_eq!(counts, (users as i64, messages as i64, follows as i64));
}
