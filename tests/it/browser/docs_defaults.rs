//! Trying out every operation in Swagger UI with the values that it fills in.
//!
//! Swagger UI must fill in required values only: an optional one, such as `latest`, a cursor or an
//! idempotency key, would change the state or the result in a way that the user did not ask for.

use reqwest::Method;
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::support::{
    App,
    actors::ApiClient,
    documents::{Operation, documented},
    eventually,
    window::{Screen, Window},
};

/// Tables that change independently of requests, or that another check compares.
const OTHER_TABLES: &[&str] = &["user_counts", "user_count_changes", "simulator_latest"];

/// The number that the simulator sent before.
const LATEST: i64 = 5;

/// All rows of the database, as text.
async fn rows(app: &App) -> Vec<String> {
    let tables = "SELECT table_name::text FROM information_schema.tables
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&app.rows).await.expect(tables);
    let mut rows = Vec::new();
    for table in tables.iter().filter(|table| !OTHER_TABLES.contains(&table.as_str())) {
        // The time of the last use of a token changes with each request.
        let query = format!(
            "SELECT '{table}: ' || (to_jsonb(t) - 'last_used_at')::text FROM {table} AS t ORDER BY 1"
        );
        let query = sqlx::query_scalar(AssertSqlSafe(query));
        rows.extend(query.fetch_all(&app.rows).await.expect("rows") as Vec<String>);
    }
    rows
}

/// The users of the examples, who follow each other and have posted, and ann, who has the message and
/// the token of the examples (the number 7). Returns ann's first token.
async fn populate(app: &App) -> String {
    let (api, simulator) = (app.api(), app.simulator());
    for name in ["Roger Histand", "Geoffrey Stieff", "ann"] {
        assert_eq!(simulator.register(name).await.status, 204);
    }
    simulator.follow("Roger Histand", "Geoffrey Stieff").await;
    simulator.follow("Geoffrey Stieff", "Roger Histand").await;
    simulator.tweet("Roger Histand", "Anybody out there?").await;
    for number in 2..=6 {
        simulator.tweet("ann", &format!("message {number}")).await;
    }
    let mut tokens = Vec::new();
    for _ in 0..8 {
        let token = api.make_token("ann", "secret").await.json()["token"].clone();
        tokens.push(token.as_str().expect("a token").to_owned());
    }
    let ann: ApiClient = api.with_token(&tokens[0]);
    // The message of the examples is a reply, and has one.
    for number in 7..=8 {
        let reply = json!({ "text": format!("message {number}"), "in_reply_to": number - 1 });
        assert_eq!(ann.post("/messages", reply).await.status, 201);
    }
    assert_eq!(ann.put("/following/Geoffrey%20Stieff").await.status, 204);
    simulator.get(&format!("/msgs?latest={LATEST}")).await;
    tokens.swap_remove(0)
}

async fn authorize(window: &Window, fields: &[(&str, &str)]) {
    window.click(".auth-wrapper .authorize").await;
    for (field, value) in fields {
        window.fill(&format!(".modal-ux {field}"), value).await;
    }
    window.click(".modal-ux .authorize").await;
    window.click(".modal-ux .btn-done").await;
}

/// Clicks an element as soon as it exists. Faster than the driver's click, which scrolls the long page.
async fn press(window: &Window, selector: &str) {
    let script = format!(
        "const found = document.querySelector({}); found?.click(); return found !== null",
        json!(selector)
    );
    eventually(selector, || async { (window.evaluate(&script).await == true).then_some(()) }).await;
}

/// What Swagger UI shows after the execution of an operation.
struct Shown {
    status: u64,
    query: Option<String>,
    curl: String,
    response: String,
}

/// Executes the operation in its open form.
async fn execute(window: &Window, form: &str) -> Shown {
    press(window, &format!("{form} .execute")).await;
    let script = format!(
        "const form = document.querySelector({});
         const text = selector => form.querySelector(selector)?.innerText ?? '';
         const status = parseInt(text('.live-responses-table tbody .response-col_status'));
         if (isNaN(status)) return null;
         return [status, text('.request-url pre'), text('.curl'), text('.live-responses-table')];",
        json!(form)
    );
    let shown = eventually("a response", || async {
        Some(window.evaluate(&script).await).filter(|shown| !shown.is_null())
    });
    let shown = shown.await;
    let text = |place: usize| shown[place].as_str().expect("a text").to_owned();
    Shown {
        status: shown[0].as_u64().expect("a status"),
        query: text(1).split_once('?').map(|(_, query)| query.trim().to_owned()),
        curl: text(2).to_lowercase(),
        response: text(3),
    }
}

async fn assert_nothing_optional_was_sent(shown: &Shown, app: &App, operation: &Operation) {
    let required = (operation.id == "search").then_some("q=anybody");
    assert_eq!(shown.query.as_deref(), required, "{}", operation.name);
    for header in ["idempotency-key", "last-event-id"] {
        assert!(!shown.curl.contains(header), "{}: {}", operation.name, shown.curl);
    }
    assert_eq!(app.simulator().latest().await, LATEST, "{}", operation.name);
}

/// Executes an operation twice with the values that Swagger UI fills in, and checks the effects.
async fn try_twice(window: &Window, app: &App, operation: &Operation) {
    let form = format!("[id^='operations-'][id$='-{}']", operation.id);
    let name = &operation.name;
    press(window, &format!("{form} .opblock-summary-control")).await;
    press(window, &format!("{form} .try-out__btn")).await;
    let before = rows(app).await;
    let first = execute(window, &form).await;
    assert_nothing_optional_was_sent(&first, app, operation).await;
    let once = rows(app).await;
    press(window, &format!("{form} .btn-clear")).await;
    let second = execute(window, &form).await;
    let twice = rows(app).await;
    press(window, &format!("{form} .opblock-summary-control")).await;
    match operation.method {
        Method::GET => {
            assert_eq!((first.status, second.status), (200, 200), "{name}: {}", first.response);
            assert!(!first.response.contains("[]"), "{name}: {}", first.response);
            assert_eq!((&before, &once), (&once, &twice), "{name}");
        }
        // Each post and each sign-in adds something.
        Method::POST if first.status < 300 && operation.id != "changeFollow" => {
            assert_eq!(second.status, first.status, "{name}");
            let added = (once.len() - before.len(), twice.len() - once.len());
            assert!(added.0 > 0 && added.0 == added.1, "{name}: {added:?}");
        }
        _ => assert_eq!(once, twice, "{name}: {} {}", first.status, second.status),
    }
}

#[tokio::test]
async fn every_operation_can_be_tried_twice_with_its_defaults() {
    let app = App::start().await;
    let token = populate(&app).await;
    let window = Window::open(&app, Screen { scripts: true, ..Screen::DESKTOP }).await;
    for (api, path, title, credentials) in [
        (
            "simulator",
            "/docs?api=simulator",
            "MiniTwit simulator API",
            &[("[name=username]", "simulator"), ("[name=password]", "super_safe!")][..],
        ),
        ("api", "/docs", "MiniTwit API", &[("#auth-bearer-value", &*token)]),
    ] {
        window.go(path).await;
        window.sees_in(".info .title", title).await;
        authorize(&window, credentials).await;
        // Deletions come last: they remove what other operations show.
        let mut operations = documented(api);
        operations.retain(|operation| operation.id != "stream");
        operations.sort_by_key(|operation| operation.method == Method::DELETE);
        for operation in &operations {
            try_twice(&window, &app, operation).await;
        }
    }
    let posted = "SELECT count(*) FROM messages WHERE text = 'Anybody out there?'";
    // One of the fixture, and two of each API.
    assert_eq!(app.count(posted).await, 5);
    let user = app.api().get("/users/ann").await.json();
    assert_eq!((&user["bio"], &user["display_name"]), (&json!(null), &json!(null)));
}
