//! `/metrics`: its labels, values and descriptions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{
    App,
    actors::{Browser, Simulator},
    cluster::TestDatabase,
    documents::committed,
    eventually,
    process::ServerProcess,
};

/// One line of Prometheus' text format.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    value: f64,
}

/// The metrics of a server.
pub(super) struct Metrics {
    pub(super) samples: Vec<Sample>,
    /// The type of each metric by name.
    pub(super) types: BTreeMap<String, String>,
}

impl Metrics {
    pub(super) async fn of(browser: &Browser) -> Self {
        let response = browser.get("/metrics").await;
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), "text/plain; version=0.0.4");
        let (mut samples, mut types) = (Vec::new(), BTreeMap::new());
        for line in response.body.lines().filter(|line| !line.is_empty()) {
            if let Some(metric) = line.strip_prefix("# TYPE ") {
                let (name, kind) = metric.split_once(' ').expect("a type");
                types.insert(name.to_owned(), kind.to_owned());
            } else if !line.starts_with("# HELP ") {
                samples.push(sample(line));
            }
        }
        Self { samples, types }
    }

    /// The sum of the samples with this name and these labels.
    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let matching = self.samples.iter().filter(|sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(key, value)| sample.labels.get(*key).map(String::as_str) == Some(*value))
        });
        matching.map(|sample| sample.value).sum()
    }

    /// The values of a label in all metrics.
    fn values(&self, label: &str) -> BTreeSet<&str> {
        self.samples.iter().filter_map(|it| it.labels.get(label)).map(String::as_str).collect()
    }
}

fn sample(line: &str) -> Sample {
    let (key, value) = line.rsplit_once(' ').expect("a value");
    let value = value.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
    let (name, labels) = match key.split_once('{') {
        None => (key, ""),
        Some((name, labels)) => (name, labels.strip_suffix('}').expect("a brace")),
    };
    // Route templates contain braces, but neither commas nor quotation marks.
    let labels = labels.split(',').filter(|label| !label.is_empty()).map(|label| {
        let (key, value) = label.split_once('=').expect("a value");
        (key.to_owned(), value.trim_matches('"').to_owned())
    });
    Sample { name: name.to_owned(), labels: labels.collect(), value }
}

/// All route templates outside the JSON API, and the label of requests without a route.
const ROUTES: &[&str] = &[
    "unmatched",
    "/",
    "/public",
    "/add_message",
    "/login",
    "/register",
    "/logout",
    "/favicon.ico",
    "/static/{file_name}",
    "/avatar/{username}",
    "/{username}",
    "/{username}/follow",
    "/{username}/unfollow",
    "/{username}/followers",
    "/{username}/following",
    "/users/{username}",
    "/users/{username}/feed.atom",
    "/users/{username}/follow",
    "/users/{username}/unfollow",
    "/users/{username}/followers",
    "/users/{username}/following",
    "/robots.txt",
    "/public.atom",
    "/{username}.atom",
    "/search",
    "/message/{id}",
    "/message/{id}/edit",
    "/message/{id}/delete",
    "/message/{id}/reply",
    "/tag/{tag}",
    "/settings",
    "/settings/data.json",
    "/settings/data.atom",
    "/settings/profile",
    "/settings/password",
    "/settings/tokens",
    "/settings/tokens/{token_id}/revoke",
    "/settings/sessions/end",
    "/settings/account/delete",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/docs/errors",
    "/api/v1/openapi.json",
    "/sim/openapi.json",
    "/sim/latest",
    "/sim/register",
    "/sim/msgs",
    "/sim/msgs/{username}",
    "/sim/fllws/{username}",
    "/latest",
    "/msgs",
    "/msgs/{username}",
    "/fllws/{username}",
];

/// The route templates of the JSON API. This test and others in this process request them.
fn documented_routes() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&committed("api")).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    paths.keys().map(|path| format!("/api/v1{path}")).collect()
}

#[tokio::test]
async fn the_route_label_is_a_template_for_every_path() {
    let app = App::start().await;
    let alice = app.signed_in("zebra").await;
    for path in [
        "/",
        "/zebra",
        "/zebra/",
        "//zebra",
        "/zebra?zebra=1",
        "/zebra/follow",
        "/users/zebra",
        "/users/zebra/follow",
        "/users/zebra/feed.atom",
        "/avatar/zebra",
        "/zebra/zebra/zebra",
        "/static/zebra",
        "/sim",
        "/sim/",
        "/sim/zebra",
        "/sim/msgs/zebra",
        "/sim/msgs/zebra/zebra",
        "/simzebra",
        "/docs/zebra",
        "/metrics/zebra",
        "/%FFzebra",
        "/zebra%2Fzebra",
        "/zebra%20",
        "/:username",
        "/{zebra}",
        "/openapi.json",
        "/docs",
        "/docs/errors",
        "/sim/openapi.json",
        "/api",
        "/api/v1",
        "/api/v1/zebra",
        "/api/v1/tokens",
        "/api/v1/tokens/zebra",
        "/api/v1/users/zebra",
        "/api/v1/users/zebra/followers?cursor=zebra",
        "/api/v1/users/zebra/zebra",
        "/api/v1/openapi.json",
    ] {
        alice.get(path).await;
        alice.post(path, &[]).await;
    }
    for simulator in [app.simulator(), app.simulator_at_root()] {
        for path in ["/msgs/zebra?no=-1", "/fllws/zebra", "/zebra", "/msgs/zebra/zebra", "/latest"]
        {
            simulator.get(path).await;
            simulator.bare_request(reqwest::Method::GET, path).send().await.expect("a response");
        }
        simulator.follow("zebra", "zebra").await;
        simulator.tweet("zebra", "").await;
    }
    let unknown_method = reqwest::Method::from_bytes(b"ZEBRA").expect("a method");
    alice.request(unknown_method, "/zebra").send().await.expect("a response");

    let metrics = Metrics::of(&alice).await;
    let documented = documented_routes();
    for route in metrics.values("route") {
        assert!(ROUTES.contains(&route) || documented.contains(route), "{route:?}");
    }
    for sample in &metrics.samples {
        assert!(!format!("{sample:?}").to_lowercase().contains("zebra"), "{sample:?}");
    }
    assert!(metrics.values("route").contains("unmatched"));
    assert!(metrics.values("method").contains("other"));
}

#[tokio::test]
async fn users_messages_follows_and_rejected_commands_are_counted() {
    let database = TestDatabase::fresh().await;
    let url = database.url();
    let limits =
        ["--registrations-per-address", "1", "--posts-per-account", "1", "--post-burst", "1"];
    let serving = ServerProcess::start(&[&["--database-url", url.as_str()], &limits[..]].concat());
    let browser = Browser::new(serving.base.clone());
    let simulator = Simulator::new(format!("{}/sim", serving.base));

    browser.sign_up("alice").await;
    browser.sign_in("alice").await;
    browser.say("hello").await;
    let other = Browser::new(serving.base.clone());
    assert_eq!(other.sign_up("zoe").await.status, 429);
    for _ in 0..2 {
        assert_eq!(browser.say("too soon").await.status, 429);
    }
    for name in ["bob", "carol"] {
        simulator.register(name).await;
    }
    simulator.register("bob").await;
    for text in ["one", "two", ""] {
        simulator.tweet("bob", text).await;
    }
    simulator.tweet("nobody", "lost").await;
    for whom in ["carol", "alice", "bob", "nobody"] {
        simulator.follow("bob", whom).await;
    }
    simulator.unfollow("bob", "alice").await;
    simulator.unfollow("bob", "nobody").await;

    let metrics = Metrics::of(&browser).await;
    for (name, labels, value) in [
        ("minitwit_registrations_total", &[][..], 3.0),
        ("minitwit_messages_total", &[], 3.0),
        ("minitwit_follows_total", &[], 2.0),
        ("minitwit_unfollows_total", &[], 1.0),
        ("minitwit_rate_limited_total", &[], 3.0),
        ("minitwit_rate_limited_total", &[("limit", "registrations_per_address")], 1.0),
        ("minitwit_rate_limited_total", &[("limit", "posts_per_account")], 2.0),
        ("minitwit_simulator_rejections_total", &[], 6.0),
        ("minitwit_simulator_rejections_total", &[("command", "register"), ("status", "400")], 1.0),
        ("minitwit_simulator_rejections_total", &[("command", "tweet"), ("status", "400")], 1.0),
        ("minitwit_simulator_rejections_total", &[("command", "tweet"), ("status", "404")], 1.0),
        ("minitwit_simulator_rejections_total", &[("command", "follow"), ("status", "400")], 1.0),
        ("minitwit_simulator_rejections_total", &[("command", "follow"), ("status", "404")], 1.0),
        ("minitwit_simulator_rejections_total", &[("command", "unfollow"), ("status", "404")], 1.0),
        ("minitwit_simulator_commands_total", &[("command", "register"), ("outcome", "ok")], 2.0),
        (
            "minitwit_simulator_commands_total",
            &[("command", "register"), ("outcome", "invalid")],
            1.0,
        ),
        ("minitwit_simulator_commands_total", &[("command", "tweet"), ("outcome", "ok")], 2.0),
        (
            "minitwit_simulator_commands_total",
            &[("command", "tweet"), ("outcome", "not_found")],
            1.0,
        ),
        (
            "minitwit_simulator_commands_total",
            &[("command", "follow_or_unfollow"), ("outcome", "ok")],
            3.0,
        ),
        (
            "minitwit_simulator_commands_total",
            &[("command", "follow_or_unfollow"), ("outcome", "not_found")],
            2.0,
        ),
        ("minitwit_database_acquire_timeouts_total", &[], 0.0),
        ("minitwit_queue_limit", &[("queue", "batch_posts")], 8_192.0),
        ("minitwit_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0),
        // Three registrations and one sign-in; no password is hashed for an existing name.
        ("minitwit_password_hashing_duration_seconds_count", &[], 4.0),
        ("minitwit_http_requests_total", &[("route", "/sim/register"), ("status", "204")], 2.0),
        (
            "minitwit_http_requests_total",
            &[("route", "/sim/fllws/{username}"), ("method", "POST")],
            6.0,
        ),
        (
            "minitwit_http_request_duration_seconds_count",
            &[("route", "/sim/msgs/{username}"), ("method", "POST"), ("status", "204")],
            2.0,
        ),
        ("minitwit_database_pool_max_connections", &[], 16.0),
    ] {
        assert!((metrics.sum(name, labels) - value).abs() < 1e-9, "{name} {labels:?}");
    }
    let acquired =
        metrics.sum("minitwit_database_acquire_duration_seconds_count", &[("class", "commands")]);
    assert!(acquired > 0.0, "statements wait for connections");
    let open = metrics.sum("minitwit_database_pool_connections", &[]);
    assert!((1.0..=16.0).contains(&open), "{open}");
    assert!(metrics.sum("minitwit_database_pool_idle_connections", &[]) <= open);
    assert!(metrics.sum("minitwit_password_hashing_duration_seconds_sum", &[]) > 0.0);
}

#[tokio::test]
async fn gauges_return_to_their_idle_values() {
    let database = TestDatabase::fresh().await;
    let serving = ServerProcess::start(&["--database-url", &database.url()]);
    let browser = Browser::new(serving.base.clone());
    browser.sign_up("alice").await;
    browser.sign_in("alice").await;
    for (name, idle) in [
        ("minitwit_password_hashing_running", 0.0),
        ("minitwit_password_hashing_waiting", 0.0),
        // The request for the metrics itself.
        ("minitwit_http_requests_in_flight", 1.0),
    ] {
        eventually(name, async || {
            let metrics = Metrics::of(&browser).await;
            assert_eq!(metrics.types[name], "gauge");
            ((metrics.sum(name, &[]) - idle).abs() < 1e-9).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn every_metric_has_a_type_and_a_description() {
    let database = TestDatabase::fresh().await;
    let serving = ServerProcess::start(&["--database-url", &database.url()]);
    let browser = Browser::new(serving.base.clone());
    browser.sign_up("alice").await;
    let text = browser.get("/metrics").await;
    let metrics = Metrics::of(&browser).await;
    for sample in &metrics.samples {
        let name = ["_bucket", "_sum", "_count"].iter().find_map(|it| sample.name.strip_suffix(it));
        let name = name.unwrap_or(&sample.name);
        assert!(metrics.types.contains_key(name), "{name}");
        text.says(&format!("# HELP {name} "));
        assert!(name.starts_with("minitwit_") || name.starts_with("process_"), "{name}");
    }
    assert!(
        metrics.values("le").contains("0.3"),
        "the simulator's time-out is the bound of a bucket"
    );
}
