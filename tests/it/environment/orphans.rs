//! Rows whose user no longer exists: each list leaves out the row, and nothing else.

use super::Role;
use crate::support::App;

/// Messages and follows of a user 999 that does not exist, between those of `ann` and `bob`.
const ORPHANS: &str = "
    SET session_replication_role = replica;
    INSERT INTO messages (author_id, text)
        SELECT CASE WHEN number % 3 = 0 THEN (SELECT user_id FROM users WHERE username = 'ann')
                    ELSE 999 END,
               'water ' || number || ' #tag'
        FROM generate_series(1, 120) AS number;
    INSERT INTO follows (follower_id, followee_id)
        SELECT follower, followee
        FROM (SELECT user_id AS ann FROM users WHERE username = 'ann') AS users,
             LATERAL (SELECT ann AS follower, other AS followee
                      FROM generate_series(1000, 1080) AS other
                      UNION ALL
                      SELECT other, ann FROM generate_series(1000, 1080) AS other
                      UNION ALL SELECT ann, 999) AS pairs";

#[tokio::test]
async fn an_orphan_costs_a_list_its_row_only() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let bob = app.api_user("bob").await;
    Role::new(&app.database, "SUPERUSER").await.execute(ORPHANS).await;
    assert_eq!(ann.put("/following/bob").await.status / 100, 2);
    assert_eq!(bob.put("/following/ann").await.status / 100, 2);
    app.index_messages().await;

    // 40 messages of ann are left, on all pages.
    for path in ["/messages", "/timeline", "/users/ann/messages", "/search?q=water"] {
        assert_eq!(ann.whole_list(path).await.len(), 40, "{path}");
    }
    for path in ["/users/ann/followers", "/users/ann/following"] {
        assert_eq!(ann.whole_list(path).await.len(), 1, "{path}");
    }
    let browser = app.anonymous();
    for path in ["/public", "/ann", "/search?q=water", "/tag/tag", "/public.atom", "/ann/followers"]
    {
        assert_eq!(browser.get(path).await.status, 200, "{path}");
    }
    browser.visit("/public").await.says("water 120").does_not_say("water 119");
    let simulator = app.simulator();
    for path in ["/msgs", "/msgs/ann", "/fllws/ann"] {
        assert_eq!(simulator.get(path).await.status, 200, "{path}");
    }
    // New messages take their place after the orphans.
    assert_eq!(simulator.tweet("bob", "after all").await.status, 204);
    app.anonymous().visit("/public").await.says("after all");
    app.stop().await;
}
