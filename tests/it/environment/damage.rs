//! A schema whose objects differ from those of the migrations, although its history is right.

use std::{env, fs, path::Path};

use minitwit::db::migrations::objects;
use sqlx::Connection as _;

use super::{Role, SERVE};
use crate::support::{App, cluster::TestDatabase, eventually};

/// Each damage, the object that the refusal names, and the repair.
const DAMAGES: [(&str, &str, &str); 9] = [
    (
        "ALTER TABLE messages DISABLE TRIGGER messages_deleted_keep_floor",
        "trigger messages.messages_deleted_keep_floor",
        "ALTER TABLE messages ENABLE TRIGGER messages_deleted_keep_floor",
    ),
    (
        "ALTER TABLE messages DISABLE TRIGGER ALL",
        "constraint messages.messages_author_id_fkey",
        "ALTER TABLE messages ENABLE TRIGGER ALL",
    ),
    (
        "UPDATE pg_trigger SET tgenabled = 'R' WHERE tgrelid = 'follows'::regclass",
        "constraint follows.",
        "UPDATE pg_trigger SET tgenabled = 'O' WHERE tgrelid = 'follows'::regclass",
    ),
    (
        "ALTER TABLE users RENAME CONSTRAINT users_username_key TO other",
        "constraint users.users_username_key",
        "ALTER TABLE users RENAME CONSTRAINT other TO users_username_key",
    ),
    // What `standard_conforming_strings = off` makes of a regular expression.
    (
        "ALTER TABLE users RENAME CONSTRAINT users_username_trimmed TO other;
         ALTER TABLE users ADD CONSTRAINT users_username_trimmed CHECK (username !~ 's')",
        "constraint users.users_username_trimmed",
        "ALTER TABLE users DROP CONSTRAINT users_username_trimmed;
         ALTER TABLE users RENAME CONSTRAINT other TO users_username_trimmed",
    ),
    (
        "ALTER TABLE messages ALTER published_at DROP DEFAULT",
        "column messages.published_at",
        "ALTER TABLE messages ALTER published_at SET DEFAULT publication_time()",
    ),
    (
        "ALTER TABLE messages ALTER author_id DROP NOT NULL",
        "column messages.author_id",
        "ALTER TABLE messages ALTER author_id SET NOT NULL",
    ),
    (
        "ALTER FUNCTION latest_publication() RENAME TO other",
        "function latest_publication()",
        "ALTER FUNCTION other() RENAME TO latest_publication",
    ),
    (
        "ALTER TABLE write_probes RENAME TO other",
        "column write_probes.",
        "ALTER TABLE other RENAME TO write_probes",
    ),
];

#[tokio::test]
async fn a_damaged_schema_is_not_ready_and_refused_at_the_start_by_the_name_of_the_object() {
    let app = App::start().await;
    let superuser = Role::new(&app.database, "SUPERUSER").await;
    for (damage, object, repair) in DAMAGES {
        superuser.execute(damage).await;
        eventually(&format!("not ready after {damage}"), || async {
            let response = app.anonymous().get("/readyz").await;
            let reason = "the database's schema is damaged";
            (response.status == 503 && response.json()["reason"] == reason).then_some(())
        })
        .await;
        superuser.is_refused(SERVE, &["the schema is damaged", object]);
        superuser.execute(repair).await;
        eventually(&format!("ready after {repair}"), || async {
            (app.anonymous().get("/readyz").await.status == 200).then_some(())
        })
        .await;
    }
    app.stop().await;
}

#[tokio::test]
async fn what_an_operator_adds_is_no_damage() {
    let app = App::start().await;
    let superuser = Role::new(&app.database, "SUPERUSER").await;
    superuser
        .execute(
            "CREATE TABLE notes (text text CHECK (text <> ''));
             CREATE INDEX ON messages (edited_at);
             DROP INDEX messages_public_timeline_idx;
             CREATE FUNCTION helper() RETURNS int LANGUAGE sql AS 'SELECT 1';
             ALTER TABLE messages ADD COLUMN remark text",
        )
        .await;
    assert_eq!(app.anonymous().get("/readyz").await.status, 200);
    app.stop().await;
}

/// `make schema` runs this test with MINITWIT_RENEW_SCHEMA=1.
#[tokio::test]
async fn the_committed_list_of_objects_is_that_of_the_migrations() {
    let database = TestDatabase::fresh().await;
    let mut connection = database.connect().await;
    let mut list = objects::list(&mut connection).await.expect("a list").join("\n");
    list.push('\n');
    connection.close().await.expect("closed");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/schema.txt");
    if env::var_os("MINITWIT_RENEW_SCHEMA").is_some() {
        fs::write(&path, &list).expect("written");
    }
    let committed = fs::read_to_string(&path).expect("a list");
    assert!(committed == list, "migrations/schema.txt is stale; run `make schema` and commit it");
}
