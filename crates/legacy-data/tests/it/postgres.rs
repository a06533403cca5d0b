//! Variants of the original on PostgreSQL, on a server of the test's own.

use std::sync::{Arc, LazyLock};

use embedded_postgres::{Data, Embedded, Settings};
use legacy_data::{Progress, Record, Table, Value, postgres};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::runtime::Runtime;

use crate::support::{messages, read, users};

/// The server. It is never dropped, so that no test waits for its shutdown; `stop` ends it at exit.
fn server() -> &'static Embedded {
    static SERVER: LazyLock<Embedded> = LazyLock::new(|| {
        extern "C" fn stop() {
            if let Some(server) = LazyLock::get(&SERVER) {
                server.stop();
            }
        }
        #[allow(unsafe_code, reason = "a static is not dropped at exit")]
        // SAFETY: the registered function does not unwind and uses only a static.
        unsafe {
            nix::libc::atexit(stop)
        };
        Embedded::start(&Settings::new(Data::Ephemeral)).unwrap()
    });
    &SERVER
}

/// Creates a database and executes a script in it. Returns its URL.
fn database(name: &str, sql: &str) -> String {
    let server = server();
    Runtime::new().unwrap().block_on(async {
        server.create_database(name).await.unwrap();
        execute(name, sql).await;
    });
    server.connect_options(name).to_url_lossy().to_string()
}

async fn execute(name: &str, sql: &str) {
    let mut connection = server().connect_options(name).connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[test]
fn variants_are_read_as_stored() {
    let url = database(
        "variants",
        "create domain short as varchar(20);
         create table \"user\" (user_id bigint primary key, username short, email text, pw_hash text, age int);
         create table message (message_id int primary key, author_id int, text text, pub_date timestamptz, flagged bool);
         create table follower (who_id smallint, whom_id numeric);
         create table latest (value int);
         insert into \"user\" values (1, 'Zoë', null, 'pbkdf2:sha256:50000$s$0f', 3);
         insert into message values (1, 1, 'hello', '2021-03-01 14:46:40.464123+00', true),
                                    (2, 1, '', 'infinity', null), (3, 1, 'old', '0001-01-01 00:00:00+00', false);
         insert into follower values (1, 2.0); insert into latest values (7);",
    );
    let source = postgres(&url).unwrap();
    assert_eq!(source.tables(), Table::ALL);
    let user = &users(source.as_ref())[0];
    assert_eq!(user.source_id, Value::Integer(1));
    assert_eq!(user.name, Value::Text("Zoë".to_owned()));
    assert_eq!(user.email, Value::Null);
    assert_eq!(*user.password.expose(), Value::Text("pbkdf2:sha256:50000$s$0f".to_owned()));
    let messages = messages(source.as_ref());
    assert_eq!(messages[0].published, Value::Time { unix_micros: 1_614_610_000_464_123 });
    assert_eq!(messages[0].flagged, Value::Bool(true));
    assert_eq!(messages[1].published, Value::Other("infinite time"));
    assert_eq!(messages[2].published, Value::Time { unix_micros: -62_135_596_800_000_000 });
    let follows = read(source.as_ref(), Table::Follows).unwrap();
    let [Record::Follow(follow)] = &follows[..] else { panic!("{follows:?}") };
    assert_eq!(
        (&follow.follower_id, &follow.followee_id),
        (&Value::Integer(1), &Value::Text("2.0".to_owned()))
    );
    let latest = read(source.as_ref(), Table::Latest).unwrap();
    assert!(matches!(&latest[..], [Record::Latest(latest)] if latest.value == Value::Integer(7)));
}

#[test]
fn every_read_sees_the_state_of_the_opening() {
    let url = database(
        "snapshot",
        "create table users (id int, username text, password text);
         create table messages (id int, user_id int, text text, created_at timestamp, pub_date int);
         insert into messages select i, 1, 'text', '1970-01-01 00:00:01', i from generate_series(1, 5000) i;
         analyze",
    );
    let source = postgres(&url).unwrap();
    Runtime::new().unwrap().block_on(execute(
        "snapshot",
        "insert into users values (1, 'late'); delete from messages",
    ));
    assert!(users(source.as_ref()).is_empty());
    drop(source.read(Table::Messages).unwrap().next());
    let progress = Arc::<Progress>::default();
    assert_eq!(source.read_with(Table::Messages, Arc::clone(&progress)).unwrap().count(), 5000);
    assert_eq!((progress.done(), progress.total()), (5000, 5000));
    assert_eq!(
        messages(source.as_ref())[4].published,
        Value::Integer(5),
        "the column of the original comes first"
    );
}

#[test]
fn failures_name_the_database_and_hide_the_password() {
    let url = database("empty", "create table cities (name text)");
    let error = postgres(&url).err().unwrap().to_string();
    assert!(
        error.starts_with("database empty at ") && error.contains("no schema of the search path"),
        "{error}"
    );
    let error = postgres("postgres://u:secret@127.0.0.1:1/db").err().unwrap();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("database db at 127.0.0.1") && !shown.contains("secret"), "{shown}");
    let error = postgres("no url with a secret").err().unwrap();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn a_caller_inside_a_runtime_can_read() {
    let url = database(
        "inside",
        "create table users (id int, name text); insert into users values (1, 'a')",
    );
    let count =
        Runtime::new().unwrap().block_on(async { users(postgres(&url).unwrap().as_ref()).len() });
    assert_eq!(count, 1);
}
