//! `latest`: the number of the simulator command that arrived last.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::{
    App,
    actors::{Simulator, TestResponse},
};

async fn with_users(app: &App) -> Simulator {
    let simulator = app.simulator();
    for name in ["alice", "bob"] {
        assert_eq!(simulator.register(name).await.status, 204);
    }
    simulator
}

fn user(name: &str) -> serde_json::Value {
    json!({"username": name, "email": "a@b", "pwd": "x"})
}

#[tokio::test]
async fn latest_is_minus_one_before_any_value() {
    let app = App::start().await;
    assert_eq!(app.simulator().latest().await, -1);
    with_users(&app).await;
    assert_eq!(app.simulator().latest().await, -1, "requests without a value set none");
}

#[tokio::test]
async fn every_other_operation_sets_latest() {
    let app = App::start().await;
    let simulator = with_users(&app).await;
    let requests = [
        (Method::POST, "/register", user("carol"), 204),
        (Method::GET, "/msgs", json!(null), 200),
        (Method::GET, "/msgs/alice", json!(null), 200),
        (Method::POST, "/msgs/alice", json!({"content": "hello"}), 204),
        (Method::GET, "/fllws/alice", json!(null), 200),
        (Method::POST, "/fllws/alice", json!({"follow": "bob"}), 204),
        (Method::POST, "/fllws/alice", json!({"unfollow": "bob"}), 204),
    ];
    for (simulator, offset) in [(simulator, 1_000), (app.simulator_at_root(), 2_000)] {
        for (index, (method, path, body, status)) in requests.iter().enumerate() {
            if *path == "/register" && offset == 2_000 {
                continue;
            }
            let number = offset + i64::try_from(index).expect("small");
            let request = simulator.request(method.clone(), &format!("{path}?latest={number}"));
            let response = TestResponse::of(request.json(body)).await;
            assert_eq!(response.status, *status, "{response:?}");
            assert_eq!(simulator.latest().await, number, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn rejected_requests_set_latest() {
    let app = App::start().await;
    let simulator = with_users(&app).await;
    for (number, (path, body, status)) in [
        ("/register", user("alice"), 400),
        ("/register", json!([]), 400),
        ("/msgs/alice", json!({"content": ""}), 400),
        ("/msgs/alice", json!("no object"), 400),
        ("/msgs/unknown", json!({"content": "hello"}), 404),
        ("/fllws/alice", json!({"follow": "alice"}), 400),
        ("/fllws/alice", json!({"follow": "unknown"}), 404),
        ("/fllws/unknown", json!({"unfollow": "alice"}), 404),
    ]
    .into_iter()
    .enumerate()
    {
        let response = simulator.post(&format!("{path}?latest={number}"), body).await;
        response.failure(status);
        assert_eq!(simulator.latest().await, i64::try_from(number).expect("small"), "{path}");
    }
    for (number, (path, status)) in
        [("/msgs?no=-1", 400), ("/msgs/unknown?no=1", 404), ("/fllws/unknown?no=1", 404)]
            .into_iter()
            .enumerate()
    {
        simulator.get(&format!("{path}&latest={}", 100 + number)).await.failure(status);
        assert_eq!(simulator.latest().await, 100 + i64::try_from(number).expect("small"));
    }
}

#[tokio::test]
async fn requests_without_the_credentials_do_not_set_latest() {
    let app = App::start().await;
    let simulator = with_users(&app).await;
    simulator.get("/msgs?latest=7").await;
    for path in ["/msgs?latest=8", "/msgs/alice?latest=8", "/fllws/alice?latest=8"] {
        for method in [Method::GET, Method::POST] {
            let request = simulator.bare_request(method.clone(), path);
            let wrong = request.basic_auth("simulator", Some("wrong"));
            let body = json!({"content": "x", "follow": "bob"});
            let response = TestResponse::of(wrong.json(&body)).await;
            if (method, path) != (Method::POST, "/msgs?latest=8") {
                response.failure(403);
            }
            assert_eq!(simulator.latest().await, 7, "{path}");
        }
    }
}

#[tokio::test]
async fn register_sets_latest_only_with_the_credentials() {
    let app = App::start().await;
    let simulator = app.simulator();
    let register = |number: i64, name: &str| {
        let path = format!("/register?latest={number}");
        simulator.bare_request(Method::POST, &path).json(&user(name))
    };
    assert_eq!(TestResponse::of(register(1, "alice")).await.status, 204);
    assert_eq!(simulator.latest().await, -1);
    let wrong = register(2, "bob").basic_auth("simulator", Some("wrong"));
    assert_eq!(TestResponse::of(wrong).await.status, 204);
    assert_eq!(simulator.latest().await, -1);
    let right = register(3, "carol").basic_auth("simulator", Some("super_safe!"));
    assert_eq!(TestResponse::of(right).await.status, 204);
    assert_eq!(simulator.latest().await, 3);
}

#[tokio::test]
async fn reading_latest_does_not_set_it() {
    let app = App::start().await;
    let simulator = with_users(&app).await;
    simulator.get("/msgs?latest=7").await;
    for simulator in [simulator, app.simulator_at_root()] {
        for path in ["/latest?latest=8", "//latest/?latest=8", "/latest?no=1&latest=8"] {
            let response = simulator.get(path).await;
            assert_eq!((response.status, response.json()), (200, json!({"latest": 7})), "{path}");
            assert_eq!(simulator.latest().await, 7, "{path}");
        }
    }
}

#[tokio::test]
async fn the_first_of_repeated_parameters_counts_and_head_does_not_set_it() {
    let app = App::start().await;
    let simulator = with_users(&app).await;
    assert_eq!(simulator.get("/msgs?latest=5&latest=6").await.status, 200);
    assert_eq!(simulator.latest().await, 5);
    TestResponse::of(simulator.request(Method::HEAD, "/latest?latest=7")).await;
    assert_eq!(simulator.latest().await, 5);
}

#[tokio::test]
async fn the_last_value_wins_even_if_smaller() {
    let app = App::start().await;
    let simulator = with_users(&app).await;
    for number in [5, i64::MAX, 3, 0, 4, 4, 1_000_000, 2] {
        simulator.get(&format!("/msgs?no=1&latest={number}")).await;
        assert_eq!(simulator.latest().await, number);
    }
}

#[tokio::test]
async fn a_malformed_value_is_rejected_and_sets_nothing() {
    let app = App::start().await;
    let simulator = with_users(&app).await;
    simulator.get("/msgs?latest=7").await;
    for value in ["-1", "-9223372036854775808", "9223372036854775808", "1.0", "x", "", "8%00"] {
        let query = format!("latest={value}");
        for text in [
            simulator.get(&format!("/msgs?{query}")).await.failure(400),
            simulator.get(&format!("/fllws/alice?{query}")).await.failure(400),
            simulator.post(&format!("/register?{query}"), user("carol")).await.failure(400),
        ] {
            assert!(text.contains("latest"), "{value}: {text}");
        }
        assert_eq!(simulator.latest().await, 7, "{value}");
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 2);
}

#[tokio::test]
async fn latest_survives_a_restart() {
    let app = App::start().await;
    with_users(&app).await.get("/msgs?latest=7").await;
    let app = App::start_on(app.stop().await).await;
    assert_eq!(app.simulator().latest().await, 7);
    app.simulator().get("/msgs?latest=3").await;
    let app = App::start_on(app.stop().await).await;
    assert_eq!(app.simulator().latest().await, 3);
}

#[tokio::test]
async fn every_replica_shows_a_value_after_the_response_that_set_it() {
    let app = App::start().await;
    let replica = app.replica().await;
    with_users(&app).await;
    let simulators = [app.simulator(), replica.simulator(), replica.simulator_at_root()];
    for number in (0..60).rev() {
        let turn = usize::try_from(number).expect("small") % simulators.len();
        simulators[turn].tweet("alice", "hello").await;
        simulators[turn].get(&format!("/msgs?no=0&latest={number}")).await;
        for simulator in &simulators {
            assert_eq!(simulator.latest().await, number);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_values_leave_one_value_and_one_row_per_server() {
    let app = App::start().await;
    let replica = app.replica().await;
    with_users(&app).await;
    let simulators = [app.simulator(), replica.simulator()];
    for round in 0..3 {
        let sent: Vec<i64> = (0..80).map(|number| round * 1_000 + number).collect();
        let responses = join_all(sent.iter().enumerate().map(|(index, number)| {
            let simulator = &simulators[index % 2];
            async move { simulator.get(&format!("/msgs?no=1&latest={number}")).await }
        }))
        .await;
        assert!(responses.iter().all(|response| response.status == 200), "{responses:?}");
        let shown = simulators[0].latest().await;
        assert!(sent.contains(&shown), "{shown}");
        assert_eq!(simulators[1].latest().await, shown);
    }
    // The first write of each server deletes superseded rows, possibly that of the other server. Both
    // therefore write once more.
    for (number, simulator) in simulators.iter().enumerate() {
        simulator.get(&format!("/msgs?latest={number}")).await;
    }
    assert_eq!(app.count("SELECT count(*) FROM simulator_latest").await, 2);
}

/// The server repeats a write if a statement that it had given up has changed its row since then.
#[tokio::test]
async fn a_late_statement_does_not_hide_the_next_value() {
    let app = App::start().await;
    let simulator = with_users(&app).await;
    for number in [7, 2, 5] {
        simulator.get(&format!("/msgs?latest={number}")).await;
        let late = "UPDATE simulator_latest
                    SET arrival = nextval('simulator_latest_arrival_seq'), value = 4";
        app.execute(late).await;
        assert_eq!(simulator.latest().await, 4);
        let next = number + 1;
        assert_eq!(simulator.get(&format!("/msgs?latest={next}")).await.status, 200);
        assert_eq!(simulator.latest().await, next);
    }
}
