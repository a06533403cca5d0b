//! The simulator's contract, row by row.

use serde_json::json;

use crate::support::App;

#[tokio::test]
async fn a_message_is_posted_and_read() {
    let app = App::start().await;
    let simulator = app.simulator();
    assert_eq!(simulator.register("Roger Histand").await.status, 204);
    assert_eq!(simulator.tweet("Roger Histand", "hello").await.status, 204);
    let messages = simulator.get("/msgs/Roger%20Histand").await.json();
    assert_eq!(messages[0]["content"], json!("hello"));
    assert_eq!(messages[0]["user"], json!("Roger Histand"));
}
