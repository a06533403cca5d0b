//! The procedures of `docs/how-to/recover.md`, as an operator types them.

use std::{collections::VecDeque, fs, path::Path, process::Command};

use sqlx::{Connection, PgConnection};

use super::{Machine, messages, simulator, stop, success, tweet};
use crate::support::{
    actors::Browser,
    process::{ServerProcess, minitwit},
};

const NOW: &str =
    "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";

/// The sections of the document. A test runs the commands of each; those in containers are run by
/// `make containers`.
const SECTIONS: [&str; 10] = [
    "In containers",
    "Bad deploy",
    "Dropped table",
    "A user's account deleted by mistake",
    "Copies",
    "Lost volume",
    "Only a file of a logical backup",
    "Lost machine",
    "Leaked password",
    "Ransom",
];

fn document() -> String {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/how-to/recover.md");
    fs::read_to_string(document).expect("a document")
}

/// The commands of a section of the document, in their order.
pub struct Procedure(VecDeque<String>);

impl Procedure {
    pub fn of(section: &str) -> Self {
        let document = document();
        let (_, text) = document.split_once(&format!("\n## {section}\n")).expect(section);
        let text = text.split("\n## ").next().unwrap_or_default();
        let spans = text.split('`').skip(1).step_by(2);
        Self(spans.filter_map(|span| span.strip_prefix("minitwit ")).map(str::to_owned).collect())
    }

    /// The arguments of the next command, with values for its placeholders.
    pub fn next(&mut self, values: &[(&str, &str)]) -> Vec<String> {
        let command = self.0.pop_front().expect("a command");
        let value = |word: &str| {
            let known = values.iter().find(|(placeholder, _)| *placeholder == word);
            known.map_or(word, |(_, value)| *value).to_owned()
        };
        command.split(' ').map(value).collect()
    }

    /// Runs the next command on the machine.
    #[track_caller]
    pub fn run(&mut self, machine: &Machine, values: &[(&str, &str)]) -> String {
        let arguments = self.next(values);
        success(machine.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    pub fn end(self) {
        assert!(self.0.is_empty(), "not run: {:?}", self.0);
    }
}

/// The shell commands of the document that copy a user's rows.
fn copy_commands(copy: &Path, live: &Path, user: &str) -> String {
    let document = document();
    let (_, section) = document.split_once("\n## A user's account deleted").expect("a section");
    let block = section.split("```sh").nth(1).and_then(|it| it.split("```").next());
    let commands = block.expect("commands").replace("/tmp/copy", copy.to_str().expect("text"));
    let commands = commands.replace("/var/lib/minitwit", live.to_str().expect("text"));
    commands
        .replace(" = 7)", &format!(" = {user})"))
        .replace("WHERE 7 IN", &format!("WHERE {user} IN"))
}

#[test]
fn each_section_of_the_document_is_run() {
    let document = document();
    let sections: Vec<&str> =
        document.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(sections, SECTIONS);
}

#[tokio::test]
async fn a_dropped_table_and_a_deleted_account_come_back() {
    let machine = Machine::new();
    let server = machine.serve();
    for name in ["ann", "bob"] {
        assert_eq!(simulator(&server).register(name).await.status, 204);
    }
    assert_eq!(simulator(&server).follow("bob", "ann").await.status, 204);
    tweet(&server, &["one"]).await;
    success(machine.run(&["backup", "--full"]));
    tweet(&server, &["two"]).await;
    let before = machine.query(NOW).await;
    drop_messages(&machine).await;
    stop(server);
    let mut procedure = Procedure::of("Dropped table");
    procedure.run(&machine, &[("TIME", &before)]);
    procedure.end();
    let server = machine.serve();
    assert_eq!(messages(&server).await, ["one", "two"], "the table is back");

    // A user is deleted by mistake, and another one goes on.
    let before = machine.query(NOW).await;
    let user =
        machine.query("DELETE FROM users WHERE username = 'ann' RETURNING user_id::text").await;
    assert_eq!(simulator(&server).tweet("bob", "three").await.status, 204);
    assert_eq!(messages(&server).await, ["three"]);
    machine.archive().await;
    let copy = machine.path("copy");
    let mut procedure = Procedure::of("A user's account deleted by mistake");
    let copy_name = copy.to_str().expect("text");
    procedure.run(&machine, &[("TIME", &before), ("/tmp/copy", copy_name)]);
    let serve = procedure.next(&[("/tmp/copy", copy_name), ("127.0.0.1:8099", "127.0.0.1:0")]);
    assert_eq!(serve[..2], ["serve", "--data-dir"]);
    let copied = ServerProcess::start(&[&serve[1], &serve[2]]);
    procedure.end();
    let commands = copy_commands(&copy, &machine.path("data"), &user);
    success(Command::new("sh").args(["-ec", &commands]).output().expect("it runs"));
    stop(copied);
    assert_eq!(messages(&server).await, ["one", "two", "three"]);
    let follows = simulator(&server).get("/fllws/bob").await;
    follows.says("ann");
    stop(server);
}

async fn drop_messages(machine: &Machine) {
    let dropped = "DO $$ BEGIN DROP TABLE messages CASCADE; END $$";
    let options = embedded_postgres::running(&machine.path("data"), "minitwit").expect("it runs");
    let mut connection = PgConnection::connect_with(&options).await.expect("connected");
    sqlx::raw_sql(dropped).execute(&mut connection).await.expect("dropped");
}

#[tokio::test]
async fn a_new_machine_gets_the_database_and_a_new_repository() {
    let machine = Machine::new();
    let server = machine.serve();
    assert_eq!(simulator(&server).register("ann").await.status, 204);
    tweet(&server, &["good"]).await;
    success(machine.run(&["backup", "--full"]));
    let before = machine.query(NOW).await;
    tweet(&server, &["ransom"]).await;
    stop(server);

    // Another machine: nothing but the repository and the passphrase.
    let mut ransom = Procedure::of("Ransom");
    let other = Machine::new();
    let mut settings = machine.settings();
    settings[1] = other.text("data");
    let run = |arguments: Vec<String>| {
        success(minitwit(&[]).args(arguments).args(&settings).output().expect("it runs"))
    };
    assert!(run(ransom.next(&[])).contains("status: ok"));
    run(ransom.next(&[("TIME", &before)]));
    // The other machine has a repository and a passphrase of its own.
    fs::write(other.path("passphrase"), "another battery horse staple").expect("written");
    let server = other.serve();
    assert_eq!(messages(&server).await, ["good"]);
    assert!(ransom.run(&other, &[]).contains("(full)"));
    ransom.end();
    assert_eq!(success(other.run(&["backup", "--list"])).lines().count(), 3);
    assert_eq!(other.query("SELECT current_setting('archive_mode')").await, "on");
    tweet(&server, &["better"]).await;
    stop(server);

    // That machine is lost too.
    fs::remove_dir_all(other.path("data")).expect("removed");
    let mut lost = Procedure::of("Lost machine");
    let arguments = lost.next(&[]);
    success(other.run_with_repository(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
    lost.end();
    let server = other.serve();
    assert_eq!(messages(&server).await, ["good", "better"]);
    stop(server);
}

#[tokio::test]
async fn a_bad_deploy_is_undone_and_the_undoing_corrected() {
    let machine = Machine::new();
    let server = machine.serve();
    assert_eq!(simulator(&server).register("ann").await.status, 204);
    tweet(&server, &["good"]).await;
    success(machine.run(&["backup", "--full"]));
    let too_early = machine.query(NOW).await;
    tweet(&server, &["good too"]).await;
    let before = machine.query(NOW).await;
    tweet(&server, &["wrong"]).await;
    stop(server);

    let mut procedure = Procedure::of("Bad deploy");
    procedure.run(&machine, &[("TIME", &too_early)]);
    let server = machine.serve();
    assert_eq!(messages(&server).await, ["good"]);
    tweet(&server, &["since"]).await;
    stop(server);
    procedure.run(&machine, &[("TIME", &before)]);
    procedure.end();
    let server = machine.serve();
    assert_eq!(messages(&server).await, ["good", "good too"]);
    stop(server);
}

#[tokio::test]
async fn leaked_secrets_are_replaced() {
    let machine = Machine::new();
    let server = machine.serve();
    let browser = Browser::new(server.base.clone());
    browser.sign_up("ann").await;
    browser.sign_in("ann").await;
    success(machine.run(&["backup", "--full"]));
    let mut procedure = Procedure::of("Leaked password");
    let password = procedure.run(&machine, &[("NAME", "ann")]);
    assert_eq!(machine.query("SELECT count(*)::text FROM sessions").await, "0");
    let fields = [("username", "ann"), ("password", "secret")];
    browser.submit("/login", &fields).await.says("Invalid password");
    assert!(!password.trim().is_empty());
    stop(server);

    // The simulator's password and the passphrase, with a new repository.
    fs::write(machine.path("simulator"), "new secret\n").expect("written");
    fs::write(machine.path("passphrase"), "another battery horse staple").expect("written");
    let mut settings = machine.settings();
    settings[3] = machine.text("new-backups");
    settings.extend(["--simulator-password-file".to_owned(), machine.text("simulator")]);
    let server = ServerProcess::start(&settings.iter().map(String::as_str).collect::<Vec<_>>());
    let old = simulator(&server).get("/msgs").await;
    assert_eq!(old.status, 403, "the former password of the simulator");
    assert!(procedure.run(&machine, &[]).contains("(full)"));
    procedure.end();
    fs::remove_dir_all(machine.path("backups")).expect("removed");
    assert_eq!(success(machine.run(&["backup", "--list"])).lines().count(), 3);
    assert!(success(machine.run(&["drill"])).contains("the drill passed"));
    stop(server);
}
