//! The JSON API in a script of another origin, which runs in a real browser.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::sign_up_and_in;
use crate::support::{
    App,
    window::{Screen, Window},
};

/// The helpers of the scripts: `call` returns what a script can see of a response.
const CALL: &str = "
    const seen = ['link', 'location', 'retry-after', 'x-request-id', 'idempotent-replayed',
                  'www-authenticate'];
    const call = async (path, options = {}) => {
        try {
            const response = await fetch(api + path, options);
            const headers = Object.fromEntries(
                seen.map(name => [name, response.headers.get(name)]).filter(([, it]) => it));
            const text = await response.text();
            return {status: response.status, headers, body: text ? JSON.parse(text) : null};
        } catch (error) {
            return error.name;
        }
    };
    const send = (method, path, body, headers = {}) => call(path, {
        method, body: body && JSON.stringify(body),
        headers: {'Content-Type': 'application/json', ...headers},
    });";

/// Serves an empty page at another port of the same host, which is another origin.
async fn other_origin() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 4_096];
            let _ = connection.read(&mut request).await;
            let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\
                        Connection: close\r\n\r\n<!doctype html>";
            let _ = connection.write_all(page.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

/// Runs a script with `call` and `send`; `api` is the address of the API.
async fn run(window: &Window, app: &App, script: &str) -> Value {
    window.evaluate(&format!("const api = '{}'; {CALL} {script}", app.url("/api/v1"))).await
}

async fn open(app: &App) -> Window {
    Window::open(app, Screen { scripts: true, ..Screen::DESKTOP }).await
}

#[tokio::test]
async fn a_script_of_another_origin_can_use_the_api_with_a_token() {
    let app = App::start().await;
    app.api().sign_up("Milada").await;
    let mut window = open(&app).await;
    window.rebase(other_origin().await);
    window.go("/").await;
    let answers = run(
        &window,
        &app,
        "const made = await send('POST', '/tokens',
             {username: 'Milada', password: 'secret', name: 'script', scopes: ['read', 'write']});
         const token = {Authorization: `Bearer ${made.body.token}`};
         const key = {...token, 'Idempotency-Key': 'k'};
         const posted = await send('POST', '/messages', {text: 'hello'}, key);
         const path = `/messages/${posted.body.id}`;
         return {
             posted,
             again: await send('POST', '/messages', {text: 'hello'}, key),
             changed: await send('PATCH', path, {text: 'changed'}, token),
             followed: await send('PUT', '/following/nobody', undefined, token),
             second: await send('POST', '/messages', {text: 'second'}, token),
             page: await call('/messages?limit=1', {headers: {...token, 'X-Any-Header': '1'}}),
             deleted: await send('DELETE', path, undefined, token),
             beyond: await send('POST', '/account/deletion', {password: 'secret'}, token),
             signedOut: await call('/timeline'),
             lost: await send('PATCH', '/nowhere', {}, token),
         };",
    )
    .await;
    let seen = |name: &str| (answers[name]["status"].clone(), answers[name]["headers"].clone());
    for (name, status) in [
        ("posted", 201),
        ("again", 201),
        ("changed", 200),
        ("followed", 404),
        ("second", 201),
        ("page", 200),
        ("deleted", 204),
        ("beyond", 403),
        ("signedOut", 401),
        ("lost", 404),
    ] {
        let (found, headers) = seen(name);
        assert_eq!(found, status, "{name}: {answers:#}");
        assert_eq!(headers["x-request-id"].as_str().map(str::len), Some(16), "{name}: {headers}");
    }
    let (_, headers) = seen("posted");
    assert_eq!(
        headers["location"],
        format!("/api/v1/messages/{}", answers["posted"]["body"]["id"])
    );
    assert_eq!(headers.get("idempotent-replayed"), None);
    assert_eq!(seen("again").1["idempotent-replayed"], "true");
    assert_eq!(answers["changed"]["body"]["text"], "changed");
    let (_, headers) = seen("page");
    assert!(headers["link"].as_str().expect("a link").ends_with("rel=\"next\""), "{headers}");
    let challenge = seen("beyond").1["www-authenticate"].clone();
    assert!(challenge.as_str().expect("a challenge").contains("scope=\"account\""), "{challenge}");
    assert_eq!(app.count("SELECT count(*) FROM messages").await, 1);
}

/// The other port is the same site, so the browser sends the cookie although it is `SameSite=Lax`.
#[tokio::test]
async fn the_session_cookie_gives_a_script_of_another_origin_nothing() {
    let app = App::start().await;
    let mut window = open(&app).await;
    sign_up_and_in(&window, "Milada").await;
    let events = "return await new Promise(done => {
        const events = new EventSource(api + '/stream?timeline=own', {withCredentials: true});
        events.onopen = () => { events.close(); done('open'); };
        events.onerror = () => { events.close(); done('rejected'); };
    })";
    assert_eq!(run(&window, &app, events).await, "open", "on a page of this server");

    window.rebase(other_origin().await);
    window.go("/").await;
    assert_eq!(run(&window, &app, events).await, "rejected");
    let answers = run(
        &window,
        &app,
        "const included = {credentials: 'include'};
         const pages = api.replace('/api/v1', '');
         const page = await fetch(pages + '/settings', included).catch(error => error.name);
         return {
             omitted: (await call('/timeline')).status,
             included: await call('/timeline', included),
             account: await call('/account', included),
             changed: await call('/users/Milada', {
                 ...included, method: 'PATCH', body: '{\"bio\": \"hacked\"}',
                 headers: {'Content-Type': 'application/json'},
             }),
             page,
         };",
    )
    .await;
    let expected = json!({
        "omitted": 401,
        "included": "TypeError",
        "account": "TypeError",
        "changed": "TypeError",
        "page": "TypeError",
    });
    assert_eq!(answers, expected);
    assert_eq!(app.count("SELECT count(*) FROM users WHERE bio IS NOT NULL").await, 0);
    // The session itself is still valid on the pages of this server.
    window.rebase(app.url(""));
    window.go("/").await;
    window.sees("My Timeline").await;
}
