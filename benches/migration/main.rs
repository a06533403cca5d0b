//! `make bench-migration`: measures how long posts pause while a migration builds an index.
//!
//! A server gets posts from four clients, first without a migration and then while a migration rebuilds the
//! index of each author's messages over `--messages` messages. Everything runs on this machine, on a durable PostgreSQL.

use std::{
    error::Error,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use clap::Parser;
use embedded_postgres::{Data, Embedded, Settings};
use minitwit::db::migrations::{self, MigrationSet};
use reqwest::Client;
use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};

type Failure = Box<dyn Error + Send + Sync>;

const PROGRAM: &str = env!("CARGO_BIN_EXE_minitwit");
const DATABASE: &str = "migration";
const CLIENTS: usize = 4;
/// How long posts are measured without a migration.
const REFERENCE: Duration = Duration::from_secs(10);

#[derive(Parser)]
struct Options {
    /// Messages in the table whose index is built
    #[arg(long, default_value_t = 2_000_000)]
    messages: u32,
    /// Set by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result =
        runtime.map_err(Failure::from).and_then(|runtime| run(&runtime, &Options::parse()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("migration: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(runtime: &tokio::runtime::Runtime, options: &Options) -> Result<(), Failure> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-migration");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    let postgres = Embedded::start(&Settings::new(Data::Directory(directory.clone())))?;
    let measured = runtime.block_on(measure(&postgres, options));
    postgres.stop();
    fs::remove_dir_all(&directory)?;
    let (before, during, build) = measured?;
    println!("index of {} messages built in {:.1} s", options.messages, build.as_secs_f64());
    println!("without a migration: {before}");
    println!("during the build:    {during}");
    if before.failed + during.failed > 0 { Err("posts failed".into()) } else { Ok(()) }
}

async fn measure(
    postgres: &Embedded,
    options: &Options,
) -> Result<(Posts, Posts, Duration), Failure> {
    postgres.create_database(DATABASE).await?;
    let database = postgres.connect_options(DATABASE);
    let mut connection = migrations::connect(&database).await?;
    let migration = prepare(&mut connection, options.messages).await?;
    let server = Server::start(&database)?;
    server.register("ann").await?;

    let before = server.posts(tokio::time::sleep(REFERENCE)).await?.0;
    let begun = Instant::now();
    let (during, applied) = server.posts(migration.apply(&mut connection, None)).await?;
    applied?;
    Ok((before, during, begun.elapsed()))
}

/// Inserts the messages without the index of each author's messages. Returns the migrations with one that builds it.
async fn prepare(connection: &mut PgConnection, messages: u32) -> Result<MigrationSet, Failure> {
    let embedded = MigrationSet::embedded();
    embedded.apply(connection, None).await?;
    let definition = "SELECT pg_get_indexdef('messages_author_idx'::regclass)";
    let definition: String = sqlx::query_scalar(definition).fetch_one(&mut *connection).await?;
    let rows = format!(
        "DROP INDEX messages_author_idx;
         INSERT INTO users (username, email, password_hash)
             VALUES ('author', 'a@b', '$2b$10$' || repeat('a', 53));
         SET session_replication_role = replica;
         INSERT INTO messages (author_id, text, published_at)
             SELECT 1, 'message ' || md5(n::text) || ' of word' || n % 5000,
                    now() - n * interval '30 seconds'
             FROM generate_series(1, {messages}) AS n;
         RESET session_replication_role"
    );
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut *connection).await?;
    sqlx::raw_sql("VACUUM ANALYZE messages").execute(&mut *connection).await?;
    let definition = definition.replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY IF NOT EXISTS");
    Ok(embedded.with("V9999__author", &format!("-- minitwit:no-transaction\n{definition};\n"))?)
}

/// The results of the posts of one phase.
#[derive(Default)]
struct Posts {
    seconds: f64,
    succeeded: usize,
    failed: usize,
    slowest: Duration,
    /// The longest time in which no client got a response.
    longest_pause: Duration,
}

impl std::fmt::Display for Posts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rate = self.succeeded as f64 / self.seconds;
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        write!(
            f,
            "{rate:.0} posts/s, {} failed, slowest post {:.0} ms, longest pause of all posts {:.0} ms",
            self.failed,
            milliseconds(self.slowest),
            milliseconds(self.longest_pause),
        )
    }
}

/// A server, stopped when it is dropped.
struct Server {
    process: Child,
    base: String,
    client: Client,
}

impl Server {
    fn start(database: &PgConnectOptions) -> Result<Self, Failure> {
        let url = database.to_url_lossy().to_string();
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--listen", "127.0.0.1:0", "--no-migrate", "--log", "warn"]);
        command.args(["--database-url", &url]).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let output = BufReader::new(process.stdout.take().ok_or("no output")?);
        let base = output.lines().map_while(Result::ok).find_map(|line| {
            let base = line.trim().strip_prefix("pages")?;
            Some(base.trim().trim_end_matches('/').to_owned())
        });
        let base = base.ok_or("the server did not start")?;
        Ok(Self { process, base, client: Client::new() })
    }

    async fn register(&self, username: &str) -> Result<(), Failure> {
        let user = json!({ "username": username, "email": "a@b", "pwd": "secret" });
        let status = self.send("/sim/register", &user).await?;
        if status { Ok(()) } else { Err("the registration failed".into()) }
    }

    /// Posts as the simulator. Returns whether the response was a success.
    async fn send(&self, path: &str, body: &serde_json::Value) -> reqwest::Result<bool> {
        let request = self.client.post(format!("{}{path}", self.base));
        let request = request.basic_auth("simulator", Some("super_safe!")).json(body);
        Ok(request.send().await?.status().is_success())
    }

    /// Posts until `work` is done.
    async fn posts<T>(&self, work: impl Future<Output = T>) -> Result<(Posts, T), Failure> {
        let (begun, ended) = (Instant::now(), AtomicBool::new(false));
        let client = async || {
            let mut posts = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                let sent = Instant::now();
                let succeeded = self.send("/sim/msgs/ann", &json!({ "content": "hello" })).await;
                posts.push((sent, Instant::now(), succeeded.unwrap_or(false)));
            }
            posts
        };
        let work = async {
            let result = work.await;
            ended.store(true, Ordering::Relaxed);
            result
        };
        let clients = futures_util::future::join_all((0..CLIENTS).map(|_| client()));
        let (result, posts) = tokio::join!(work, clients);
        Ok((summary(begun, posts.concat()), result))
    }
}

fn summary(begun: Instant, mut posts: Vec<(Instant, Instant, bool)>) -> Posts {
    posts.sort_by_key(|(_, received, _)| *received);
    let mut summary = Posts { seconds: begun.elapsed().as_secs_f64(), ..Posts::default() };
    let mut last = begun;
    for (sent, received, succeeded) in posts {
        if succeeded {
            summary.succeeded += 1;
        } else {
            summary.failed += 1;
        }
        summary.slowest = summary.slowest.max(received - sent);
        summary.longest_pause = summary.longest_pause.max(received - last);
        last = received;
    }
    summary
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
