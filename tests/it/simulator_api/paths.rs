//! The paths of the simulator API, and unknown paths.

use reqwest::Method;
use serde_json::json;

use super::{contents, follows};
use crate::support::{
    App,
    actors::{Simulator, TestResponse},
};

/// Calls every operation below `base`. `spell` returns an equivalent spelling of a path.
async fn call_every_operation(app: &App, base: &str, number: usize, spell: fn(&str) -> String) {
    let simulator = Simulator::new(base.to_owned());
    let [alice, bob] = ["alice", "bob"].map(|name| format!("{name}{number}"));
    for name in [&alice, &bob] {
        let user = json!({"username": name, "email": "a@b", "pwd": "x"});
        let response = simulator.post(&spell("/register"), user).await;
        assert_eq!((response.status, response.body.as_str()), (204, ""), "{base} {}", spell("/"));
    }
    let [messages, followees] =
        [format!("/msgs/{alice}"), format!("/fllws/{alice}")].map(|path| spell(&path));
    let text = format!("message {number}");

    assert_eq!(simulator.post(&messages, json!({ "content": text })).await.status, 204);
    assert_eq!(contents(&simulator, &messages).await, [text.as_str()]);
    assert_eq!(contents(&simulator, &format!("{}?no=1", spell("/msgs"))).await, [text]);
    assert_eq!(simulator.post(&followees, json!({ "follow": bob })).await.status, 204);
    assert_eq!(follows(&simulator, &followees).await, [bob.as_str()]);
    assert_eq!(simulator.post(&followees, json!({ "unfollow": bob })).await.status, 204);
    assert_eq!(follows(&simulator, &format!("{followees}?latest={number}")).await, [""; 0]);

    let latest = TestResponse::of(simulator.bare_request(Method::GET, &spell("/latest"))).await;
    assert_eq!((latest.status, latest.json()), (200, json!({ "latest": number })));
    assert_eq!(app.simulator().latest().await, i64::try_from(number).expect("small"));
}

#[tokio::test]
async fn every_operation_is_served_below_the_prefix_and_at_the_root_of_its_own_port() {
    let app = App::start().await;
    let root = format!("http://{}", app.simulator_address);
    let bases = [app.url("/sim"), root.clone(), app.url("/sim/"), format!("{root}/")];
    for (number, base) in bases.iter().chain([&app.url("//sim//")]).enumerate() {
        call_every_operation(&app, base, number, str::to_owned).await;
    }
}

#[tokio::test]
async fn doubled_and_trailing_slashes_change_nothing() {
    let app = App::start().await;
    let root = format!("http://{}", app.simulator_address);
    let spellings: [fn(&str) -> String; 4] = [
        |path| format!("/{path}"),
        |path| format!("{path}/"),
        |path| path.replace('/', "//"),
        |path| format!("//{}///", path.replace('/', "///")),
    ];
    let cases = [app.url("/sim"), root]
        .into_iter()
        .flat_map(|base| spellings.map(|spell| (base.clone(), spell)));
    for (number, (base, spell)) in cases.enumerate() {
        call_every_operation(&app, &base, number, spell).await;
    }
}

#[tokio::test]
async fn an_unknown_path_gets_404_in_json() {
    let app = App::start().await;
    let everywhere = ["/", "/nothing", "/msgs/a/b", "/fllws", "/latest/1", "/register/x", "/sim"];
    let pages = ["/public", "/login", "/docs", "/metrics", "/healthz", "/openapi.json"];
    for path in everywhere {
        for simulator in [app.simulator(), app.simulator_at_root()] {
            simulator.get(path).await.failure(404);
            simulator.post(path, json!({})).await.failure(404);
        }
    }
    app.simulator().get("").await.failure(404);
    for path in pages {
        app.simulator_at_root().get(path).await.failure(404);
    }
    // The document lies beside the API on the main address.
    let (document, others) = pages.split_last().expect("paths");
    for path in others {
        app.simulator().get(path).await.failure(404);
    }
    assert_eq!(app.simulator().get(document).await.status, 200);
}

#[tokio::test]
async fn an_unsupported_method_gets_405_in_json() {
    let app = App::start().await;
    for simulator in [app.simulator(), app.simulator_at_root()] {
        for (path, allowed) in [
            ("/latest", vec![Method::GET]),
            ("/register", vec![Method::POST]),
            ("/msgs", vec![Method::GET]),
            ("/msgs/alice", vec![Method::GET, Method::POST]),
            ("/fllws/alice", vec![Method::GET, Method::POST]),
        ] {
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                if allowed.contains(&method) {
                    continue;
                }
                TestResponse::of(simulator.request(method, path)).await.failure(405);
            }
        }
    }
}
