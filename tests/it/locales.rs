//! Databases with other locales than that of the embedded PostgreSQL: what holds and what does not is in
//! `docs/reference/database-url.md`.

use minitwit::db::migrations;
use sqlx::Connection as _;

use crate::support::{App, actors::encode, cluster::TestDatabase};

/// Only bytes count: letters outside ASCII have no case.
const C: &str = "LOCALE 'C'";
/// The lower case of I is ı. Rules of ICU, because few machines have this locale of the system.
const TURKISH: &str = "LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR'";

async fn start(locale: &str) -> App {
    let database =
        TestDatabase::create(&format!("TEMPLATE template0 ENCODING 'UTF8' {locale}")).await;
    let mut connection = migrations::connect(&database.options()).await.expect("connected");
    migrations::apply(&mut connection, None).await.expect("migrated");
    connection.close().await.expect("closed");
    App::start_with(database, |_| {}).await
}

/// Whether a search for `words` finds a message.
async fn finds(app: &App, words: &str) -> bool {
    let response = app.api().get(&format!("/search?q={}", encode(words))).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.json()["items"].as_array().is_some_and(|items| !items.is_empty())
}

#[tokio::test]
async fn names_are_compared_by_bytes_in_every_locale() {
    for locale in [C, TURKISH] {
        let app = start(locale).await;
        let names = ["Ian", "ian", "Ian İ", "ıan", "İan", "É", "é", "Ω 🦀"];
        for name in names {
            assert_eq!(app.simulator().register(name).await.status, 204, "{name} {locale}");
            assert_eq!(app.simulator().register(name).await.status, 400, "{name} {locale}");
        }
        let sorted = "SELECT count(*) FROM (SELECT username, lag(username) OVER (ORDER BY username) AS before
                      FROM users) AS names WHERE convert_to(username, 'UTF8') <= convert_to(before, 'UTF8')";
        assert_eq!(app.count(sorted).await, 0, "{locale}");
        for name in names {
            let path = format!("/{}", encode(name));
            assert_eq!(app.anonymous().get(&path).await.status, 200, "{name} {locale}");
        }
    }
}

#[tokio::test]
async fn search_ignores_case_as_far_as_the_locale_knows_it() {
    for (locale, found, missed) in [
        (C, &["hello", "HELLO", "title", "TITLE", "CAFÉ"][..], &["café"][..]),
        (TURKISH, &["hello", "HELLO", "café", "TITLE"], &["title"]),
    ] {
        let app = start(locale).await;
        app.api_user("ann").await;
        app.simulator().tweet("ann", "Hello TITLE CAFÉ").await;
        for (words, expected) in
            found.iter().map(|it| (it, true)).chain(missed.iter().map(|it| (it, false)))
        {
            assert_eq!(finds(&app, words).await, expected, "{words} {locale}");
        }
    }
}
