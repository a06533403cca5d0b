//! `minitwit seed`: fills an empty database with generated users, messages and follows.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use time::OffsetDateTime;

use super::{Failure, database::Source, start_logs, stop::Stop};
use crate::{
    config::SeedArgs,
    db::{
        Connection, Database, PgConnection, PoolSettings, ReadSettings, search_blocks, seed as rows,
    },
    domain::Invalid,
    seed::{PASSWORD, READER_FOLLOWS, Volume, username},
};

/// Concurrent connections: one loads messages, one loads follows.
const CONNECTIONS: u16 = 2;
/// The time-out of a statement of the search index.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The progress bar; `msg` is the current step.
const PROGRESS: &str = "{msg:<18} {bar:30} {human_pos} of {human_len} rows, {per_sec}, {eta} left";

#[derive(Debug, thiserror::Error)]
enum SeedRejected {
    #[error("the database contains users already; seed an empty one")]
    NotEmpty,
    #[error("not confirmed; nothing was added")]
    Declined,
    #[error(
        "standard input is not a terminal: confirm with --yes that users with a published password may be added"
    )]
    ConfirmationNeeded,
    #[error("--follows is {follows}, but {users} users have at most {most} follows")]
    TooManyFollows { follows: u32, users: u32, most: u64 },
}

pub(super) fn run(settings: &SeedArgs, stop: &Stop) -> Result<(), Failure> {
    let _log = start_logs(&settings.log)?;
    let volume = volume(settings)?;
    let source = Source::open(&settings.database, CONNECTIONS, stop)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(seed(&source, volume, settings.yes));
    source.close();
    result
}

fn volume(settings: &SeedArgs) -> Result<Volume, SeedRejected> {
    let &SeedArgs { users, messages, follows, seed, .. } = settings;
    let volume = Volume { users, messages, follows, seed };
    let most = volume.max_follows();
    if u64::from(follows) > most {
        return Err(SeedRejected::TooManyFollows { follows, users, most });
    }
    Ok(volume)
}

async fn seed(source: &Source, volume: Volume, confirmed: bool) -> Result<(), Failure> {
    source.prepare().await?;
    let (mut connection, _) = source.migrate().await?;
    source.check(&mut connection).await?;
    source.waits().stop().interrupt(add(source, connection, volume, confirmed)).await
}

async fn add(
    source: &Source,
    mut connection: PgConnection,
    volume: Volume,
    confirmed: bool,
) -> Result<(), Failure> {
    if rows::has_users(&mut connection).await? {
        return Err(SeedRejected::NotEmpty.into());
    }
    if !confirmed {
        confirm(volume)?;
    }
    let start = Instant::now();
    let progress = progress(volume)?;
    load(source, volume, &progress).await?;
    progress.set_message("search index");
    index(source).await?;
    progress.set_message("vacuum, analyze");
    rows::vacuum_and_checkpoint(&mut connection).await?;
    connection.close().await?;
    progress.finish_and_clear();
    report(volume, start)?;
    Ok(())
}

/// Loads the users first, which the other rows reference; then messages and follows concurrently.
async fn load(source: &Source, volume: Volume, progress: &ProgressBar) -> Result<(), Failure> {
    let on_sent = |rows| progress.inc(rows);
    progress.set_message("users");
    rows::load(&source.options, volume.users(), on_sent).await?;
    progress.set_message("messages, follows");
    let follows = volume.follows().map(Ok::<_, Invalid>);
    tokio::try_join!(
        rows::load(&source.options, volume.messages(), on_sent),
        rows::load(&source.options, follows, on_sent),
    )?;
    Ok(())
}

/// Indexes the messages for search, so that the first server does not have to.
async fn index(source: &Source) -> Result<(), Failure> {
    let settings = PoolSettings {
        max_connections: CONNECTIONS.into(),
        acquire_timeout: TIMEOUT,
        statement_timeout: TIMEOUT,
        reads: ReadSettings::with_timeout(TIMEOUT),
    };
    let database = Database::new(source.options.clone(), &settings);
    while search_blocks::insert_next(&database, OffsetDateTime::now_utc()).await? {}
    database.close().await;
    Ok(())
}

/// Asks for confirmation on the terminal: the reply must be "yes".
fn confirm(volume: Volume) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(SeedRejected::ConfirmationNeeded.into());
    }
    print!("Add {} users who sign in with the password {PASSWORD:?}? [yes/no] ", volume.users);
    io::stdout().flush()?;
    let mut reply = String::new();
    io::stdin().lock().read_line(&mut reply)?;
    if reply.trim() == "yes" { Ok(()) } else { Err(SeedRejected::Declined.into()) }
}

fn progress(volume: Volume) -> Result<ProgressBar, Failure> {
    let rows = [volume.users, volume.messages, volume.follows].map(u64::from).iter().sum();
    // Without a terminal, nothing is drawn.
    Ok(ProgressBar::new(rows).with_style(ProgressStyle::with_template(PROGRESS)?))
}

fn report(volume: Volume, start: Instant) -> Result<(), Failure> {
    let Volume { users, messages, follows, .. } = volume;
    println!(
        "added {users} users, {messages} messages and {follows} follows in {:.0} s",
        start.elapsed().as_secs_f64(),
    );
    println!("the password of all users is {PASSWORD:?}");
    let most = READER_FOLLOWS.min(users - 1).min(follows);
    println!("{:?} follows exactly {most}", username(volume.reader())?.as_str());
    Ok(())
}
