//! Bearer tokens: creation, scopes, last use, listing, revocation and expiry.

use serde_json::{Value, json};

use crate::support::{
    App,
    actors::{ApiClient, field},
    eventually,
};

fn time(value: &Value) -> time::OffsetDateTime {
    let format = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(value.as_str().expect("a time"), format).expect("a time")
}

#[tokio::test]
async fn a_token_is_created_for_a_password_and_stored_as_a_hash() {
    let app = App::start().await;
    let api = app.api();
    api.sign_up("Ann").await;

    let body = json!({"username": "Ann", "password": "secret", "name": "Ann's phone"});
    let response = api.post("/tokens", body).await;
    assert_eq!(response.status, 201, "{response:?}");
    assert_eq!(response.header("cache-control"), "no-store");
    let token = response.json();
    assert_eq!(token["name"], "Ann's phone");
    let lifetime = time(&token["expires_at"]) - time(&token["created_at"]);
    assert_eq!(lifetime, time::Duration::days(90));

    let secret = token["token"].as_str().expect("a token");
    let ann = api.with_token(secret);
    assert_eq!(ann.get("/users/Ann").await.json()["email"], "Ann@example.org");
    let listed = ann.get("/tokens").await;
    assert_eq!(listed.json()["items"][0]["id"], token["id"]);
    listed.does_not_say(secret);
    let stored: Vec<u8> = sqlx::query_scalar("SELECT token_hash FROM api_tokens")
        .fetch_one(&app.rows)
        .await
        .expect("a row");
    assert_eq!(stored.len(), 32);
    assert_eq!(
        app.count("SELECT count(*) FROM api_tokens AS t WHERE t::text LIKE '%minitwit_%'").await,
        0
    );
}

#[tokio::test]
async fn a_lifetime_is_between_a_day_and_a_year() {
    let app = App::start().await;
    let api = app.api();
    api.sign_up("ann").await;
    let body = |days: Value| json!({"username": "ann", "password": "secret", "name": "a", "expires_in_days": days});
    let token = api.post("/tokens", body(json!(365))).await.json();
    let lifetime = time(&token["expires_at"]) - time(&token["created_at"]);
    assert_eq!(lifetime, time::Duration::days(365));
    for days in [json!(0), json!(366), json!(-1), json!(1.5), json!("7"), json!(null)] {
        let response = api.post("/tokens", body(days)).await;
        assert_eq!(response.rejected_fields(422), ["expires_in_days"]);
    }
}

#[tokio::test]
async fn the_response_does_not_reveal_whether_the_name_or_the_password_is_wrong() {
    let app = App::start().await;
    let api = app.api();
    api.sign_up("ann").await;
    let wrong_password = api.make_token("ann", "guess").await;
    let wrong_name = api.make_token("eve", "secret").await;
    assert_eq!(wrong_password.problem(401), wrong_name.problem(401));
    assert_eq!(wrong_name.header("www-authenticate"), "Bearer realm=\"MiniTwit\"");
    for (username, password) in [("", ""), ("ann", ""), ("a/b", "secret")] {
        api.make_token(username, password).await.problem(401);
    }
    api.make_token("ann", &"x".repeat(73)).await.problem(401);
    assert_eq!(
        api.make_token("ann\0", "secret\0").await.rejected_fields(422),
        ["username", "password"]
    );
}

#[tokio::test]
async fn the_callers_tokens_are_listed_newest_first_in_pages() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    app.api_user("bob").await;
    for number in 1..=4 {
        let name = format!("token {number}");
        let body = json!({"username": "ann", "password": "secret", "name": name});
        assert_eq!(ann.post("/tokens", body).await.status, 201);
    }
    let names = ["token 4", "token 3", "token 2", "token 1", "test"];
    let first = ann.get("/tokens?limit=2").await;
    assert_eq!(field(&first.items(), "name"), names[..2]);
    assert_eq!(field(&ann.whole_list("/tokens?limit=2").await, "name"), names);
    assert_eq!(field(&ann.whole_list("/tokens").await, "name"), names);
    assert_eq!(field(&ann.whole_list("/tokens?limit=5").await, "name"), names);
}

#[tokio::test]
async fn a_revoked_token_is_invalid() {
    let app = App::start().await;
    let (ann, other) = (app.api_user("ann").await, app.api().signed_in("ann").await);
    let bob = app.api_user("bob").await;
    let tokens = ann.whole_list("/tokens").await;
    let path = format!("/tokens/{}", tokens[0]["id"]);

    bob.delete(&path).await.problem(404);
    assert_eq!(other.get("/tokens").await.status, 200);
    assert_eq!(ann.delete(&path).await.status, 204);
    other.get("/tokens").await.problem(401);
    ann.delete(&path).await.problem(404);
    for unknown in ["/tokens/0", "/tokens/-1", "/tokens/x", "/tokens/99999999999999999999"] {
        ann.delete(unknown).await.problem(404);
    }
    // A token can revoke itself.
    let own = format!("/tokens/{}", tokens[1]["id"]);
    assert_eq!(ann.delete(&own).await.status, 204);
    ann.get("/tokens").await.problem(401);
}

#[tokio::test]
async fn an_expired_token_is_invalid_and_not_listed() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    app.execute(
        "UPDATE api_tokens SET created_at = now() - interval '2 days', expires_at = now() - interval '1 day'",
    )
    .await;
    ann.get("/tokens").await.problem(401);
    let again = app.api().signed_in("ann").await;
    assert_eq!(again.whole_list("/tokens").await.len(), 1);
}

#[tokio::test]
async fn a_token_is_valid_on_every_replica() {
    let app = App::start().await;
    let replica = app.replica().await;
    let ann = app.api_user("ann").await;
    let token = ann.request(reqwest::Method::GET, "").build().expect("a request");
    let header = token.headers()["authorization"].to_str().expect("text");
    let there = replica.api().with_token(header.strip_prefix("Bearer ").expect("a token"));
    assert_eq!(there.get("/tokens").await.status, 200);
}

#[tokio::test]
async fn an_invalid_authorization_header_is_rejected_by_all_operations() {
    let app = App::start().await;
    let ann = app.signed_in("ann").await;
    let cookie = ann.get("/").await;
    assert_eq!(cookie.status, 200);
    for authorization in [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer minitwit_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
        "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh",
        "x",
    ] {
        for path in ["/tokens", "/users", "/users/ann"] {
            let request = app.api().request(reqwest::Method::GET, path);
            let request = request.header("authorization", authorization);
            let response = crate::support::actors::TestResponse::of(request).await;
            response.problem(401);
            let challenge = "Bearer realm=\"MiniTwit\", error=\"invalid_token\"";
            assert_eq!(response.header("www-authenticate"), challenge);
        }
    }
    let response = app.api().get("/tokens").await;
    response.problem(401);
    assert_eq!(response.header("www-authenticate"), "Bearer realm=\"MiniTwit\"");
}

#[tokio::test]
async fn a_token_has_the_scopes_of_its_request_and_all_by_default() {
    let app = App::start().await;
    app.api().sign_up("ann").await;
    let create = async |scopes: Option<Value>| {
        let mut request = json!({"username": "ann", "password": "secret", "name": "bot"});
        scopes.into_iter().for_each(|scopes| request["scopes"] = scopes);
        app.api().post("/tokens", request).await
    };
    for (scopes, expected) in [
        (None, json!(["read", "write", "account"])),
        (Some(json!(["read"])), json!(["read"])),
        (Some(json!(["account", "write"])), json!(["write", "account"])),
    ] {
        let response = create(scopes).await;
        assert_eq!((response.status, &response.json()["scopes"]), (201, &expected));
    }
    for scopes in [
        json!([]),
        json!(["admin"]),
        json!(["Read"]),
        json!(["read", "read"]),
        json!("read"),
        json!(null),
        json!([null]),
        json!({"read": true}),
    ] {
        let response = create(Some(scopes.clone())).await;
        assert_eq!(response.rejected_fields(422), ["scopes"], "{scopes}");
    }
    let listed = app.api().signed_in("ann").await.whole_list("/tokens").await;
    let scopes: Vec<&Value> = listed.iter().map(|token| &token["scopes"]).collect();
    let all = json!(["read", "write", "account"]);
    assert_eq!(scopes, [&all, &json!(["write", "account"]), &json!(["read"]), &all]);
}

#[tokio::test]
async fn each_field_of_an_account_requires_its_scope() {
    let app = App::start().await;
    app.api().sign_up("ann").await;
    let password = json!({"password": "secret", "current_password": "secret"});
    for (change, required) in [
        (json!({}), "write"),
        (json!({"bio": "hello"}), "write"),
        (json!({"bio": null}), "write"),
        (json!({"display_name": "Ann"}), "write"),
        (json!({"email": "a@b"}), "account"),
        (json!({"current_password": "secret"}), "account"),
        (json!({"email": "a@b", "bio": "hello"}), "write account"),
        // Last, since it ends all tokens. Only the final row's token has the scope.
        (password, "account"),
    ] {
        for scope in ["read", "write", "account"] {
            let client = app.api().signed_in_with("ann", Some(scope)).await;
            let response = client.patch("/users/ann", change.clone()).await;
            if scope == required {
                assert_eq!(response.status, 204, "{change} with {scope}: {response:?}");
            } else {
                response.problem(403);
                let challenge = response.header("www-authenticate");
                assert!(challenge.ends_with(&format!("scope=\"{required}\"")), "{challenge}");
            }
        }
    }
    // The scope has precedence: the response does not say whether the user exists.
    let reader = app.api().signed_in_with("ann", Some("read")).await;
    for user in ["/users/ann", "/users/nobody"] {
        let response = reader.patch(user, json!({"bio": 1})).await;
        assert_eq!(response.problem(403)["code"], "insufficient-scope");
    }
}

#[tokio::test]
async fn a_token_with_any_scope_can_revoke_itself_and_no_other() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let other = ann.get("/account").await.json()["token"]["id"].to_string();
    for scope in ["read", "write"] {
        let client = app.api().signed_in_with("ann", Some(scope)).await;
        let own = client.get("/account").await.json()["token"]["id"].to_string();
        for id in [other.as_str(), "0", "x"] {
            client.delete(&format!("/tokens/{id}")).await.problem(403);
        }
        assert_eq!(client.delete(&format!("/tokens/{own}")).await.status, 204);
        client.get("/account").await.problem(401);
    }
    let manager = app.api().signed_in_with("ann", Some("account")).await;
    assert_eq!(manager.delete(&format!("/tokens/{other}")).await.status, 204);
}

#[tokio::test]
async fn the_last_use_of_a_token_is_recorded_and_shown() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let other = app.api().make_token("ann", "secret").await.json();
    assert_eq!(other["last_used_at"], Value::Null);
    ann.get("/users").await;
    let used = eventually("a recorded use", async || {
        let listed = ann.whole_list("/tokens").await;
        let [never, used] = &listed[..] else { panic!("{listed:?}") };
        assert_eq!(never["last_used_at"], Value::Null);
        (!used["last_used_at"].is_null()).then(|| used.clone())
    });
    let used = used.await;
    assert!(time(&used["last_used_at"]) >= time(&used["created_at"]), "{used}");
    assert_eq!(ann.get("/account").await.json()["token"], used);
}

/// Whether the last use of a user's only token is recorded.
async fn is_recorded(app: &App, username: &str) -> bool {
    let query = "SELECT last_used_at IS NOT NULL FROM api_tokens JOIN users USING (user_id)
                 WHERE username = $1";
    sqlx::query_scalar(query).bind(username).fetch_one(&app.rows).await.expect("a token")
}

#[tokio::test]
async fn the_last_use_is_written_at_most_once_a_minute() {
    let app = App::start().await;
    let replica = app.replica().await;
    let [ann, bob, carol] =
        [app.api_user("ann").await, app.api_user("bob").await, app.api_user("carol").await];
    let there = |client: &ApiClient| client.at(format!("http://{}", replica.address));
    let count_writes = "
        CREATE TABLE writes (token_id bigint NOT NULL);
        CREATE FUNCTION record_write() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO writes VALUES (NEW.token_id); RETURN NULL; END $$;
        CREATE TRIGGER recorded AFTER UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION record_write()";
    app.execute(count_writes).await;
    let writes = async || app.count("SELECT count(*) FROM writes").await;
    let use_often = async || {
        for client in [&ann, &there(&ann)].iter().cycle().take(20) {
            assert_eq!(client.get("/timeline").await.status, 200);
        }
    };

    // While the first write waits, both replicas note further uses.
    let lock = app.database.hold("LOCK TABLE writes").await;
    use_often().await;
    lock.commit().await;
    eventually("a recorded use", async || (writes().await > 0).then_some(())).await;
    use_often().await;
    // A replica writes uses in the order in which it notes them.
    for (client, name) in [(&bob, "bob"), (&there(&carol), "carol")] {
        assert_eq!(client.get("/timeline").await.status, 200);
        eventually(name, async || is_recorded(&app, name).await.then_some(())).await;
    }
    assert_eq!(writes().await, 3, "one for each token");

    app.execute(
        "ALTER TABLE api_tokens DISABLE TRIGGER recorded;
         UPDATE api_tokens SET last_used_at = now() - interval '61 seconds';
         ALTER TABLE api_tokens ENABLE TRIGGER recorded",
    )
    .await;
    ann.get("/timeline").await;
    eventually("the next use", async || (writes().await > 3).then_some(())).await;
}

/// A request does not wait for the recording of its token's use.
#[tokio::test]
async fn a_locked_token_delays_no_request() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let lock = app.database.hold("LOCK TABLE api_tokens IN SHARE MODE").await;
    for _ in 0..3 {
        assert_eq!(ann.get("/timeline").await.status, 200);
    }
    app.database.waiting_statements(1).await;
    assert_eq!(ann.get("/account").await.json()["token"]["last_used_at"], Value::Null);
    lock.commit().await;
    eventually("a recorded use", async || is_recorded(&app, "ann").await.then_some(())).await;
}

#[tokio::test]
async fn a_shutdown_records_the_last_uses() {
    let app = App::start().await;
    let ann = app.api_user("ann").await;
    let tokens = [app.api().signed_in("ann").await, app.api().signed_in("ann").await];
    // The first write is at once, and further ones wait for a second.
    for client in [&ann, &tokens[0], &tokens[1]] {
        assert_eq!(client.get("/account").await.status, 200);
    }
    app.service.shut_down().await;
    let used = "SELECT count(*) FROM api_tokens WHERE last_used_at IS NOT NULL";
    assert_eq!(app.count(used).await, 3);
}
