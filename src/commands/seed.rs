//! `minitwit seed`: fills a new database with made-up users, messages and follows.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    time::Instant,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, database::Source, start_logs};
use crate::{
    config::SeedArgs,
    db::{Connection, migrations, seed as rows},
    domain::Invalid,
    seed::{PASSWORD, READER_FOLLOWS, Volume, username},
};

/// Connections that are used at once: for the messages and for the follows.
const CONNECTIONS: u16 = 2;
/// How the progress looks; `msg` is what is done at the moment.
const PROGRESS: &str = "{msg:<18} {bar:30} {human_pos} of {human_len} rows, {per_sec}, {eta} left";

/// Why nothing was added.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("there are users already; only a database without any is filled")]
    NotEmpty,
    #[error("nothing was added")]
    Declined,
    #[error("--yes is needed where nobody can be asked: everybody knows the users' password")]
    NobodyToAsk,
    #[error(
        "--follows is {follows}, but {users} users cannot follow each other more than {most} times"
    )]
    TooManyFollows { follows: u32, users: u32, most: u64 },
}

pub(super) fn run(settings: &SeedArgs) -> Result<(), Failure> {
    let _log = start_logs(&settings.log)?;
    let volume = volume(settings)?;
    let source = Source::open(&settings.database, CONNECTIONS)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(seed(&source, volume, settings.yes));
    source.close();
    result
}

fn volume(settings: &SeedArgs) -> Result<Volume, Refusal> {
    let &SeedArgs { users, messages, follows, seed, .. } = settings;
    let volume = Volume { users, messages, follows, seed };
    let most = volume.possible_follows();
    if u64::from(follows) > most {
        return Err(Refusal::TooManyFollows { follows, users, most });
    }
    Ok(volume)
}

async fn seed(source: &Source, volume: Volume, consented: bool) -> Result<(), Failure> {
    source.prepare().await?;
    let mut connection = source.connect().await?;
    migrations::apply(&mut connection, None).await.map_err(|error| source.failure(error))?;
    migrations::check(&mut connection).await.map_err(|error| source.failure(error))?;
    if rows::has_users(&mut connection).await? {
        return Err(Refusal::NotEmpty.into());
    }
    if !consented {
        ask(volume)?;
    }
    let begun = Instant::now();
    let progress = progress(volume)?;
    load(source, volume, &progress).await?;
    progress.set_message("tidying up");
    rows::settle(&mut connection).await?;
    connection.close().await?;
    progress.finish_and_clear();
    report(volume, begun)?;
    Ok(())
}

/// Users first, to whom the others refer; then messages and follows side by side.
async fn load(source: &Source, volume: Volume, progress: &ProgressBar) -> Result<(), Failure> {
    let loaded = |rows| progress.inc(rows);
    progress.set_message("users");
    rows::load(&source.options, volume.users(), loaded).await?;
    progress.set_message("messages, follows");
    let follows = volume.follows().map(Ok::<_, Invalid>);
    tokio::try_join!(
        rows::load(&source.options, volume.messages(), loaded),
        rows::load(&source.options, follows, loaded),
    )?;
    Ok(())
}

/// Asks whoever sits at the terminal. The answer must be "yes".
fn ask(volume: Volume) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Refusal::NobodyToAsk.into());
    }
    print!("Add {} users who sign in with the password {PASSWORD:?}? [yes/no] ", volume.users);
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Refusal::Declined.into()) }
}

fn progress(volume: Volume) -> Result<ProgressBar, Failure> {
    let rows = [volume.users, volume.messages, volume.follows].map(u64::from).iter().sum();
    // Where there is no terminal, nothing is drawn.
    Ok(ProgressBar::new(rows).with_style(ProgressStyle::with_template(PROGRESS)?))
}

fn report(volume: Volume, begun: Instant) -> Result<(), Failure> {
    let Volume { users, messages, follows, .. } = volume;
    println!(
        "added {users} users, {messages} messages and {follows} follows in {:.0} s",
        begun.elapsed().as_secs_f64(),
    );
    println!("everybody's password is {PASSWORD:?}");
    let most = READER_FOLLOWS.min(users - 1).min(follows);
    println!("{:?} follows exactly {most}", username(volume.reader())?.as_str());
    Ok(())
}
