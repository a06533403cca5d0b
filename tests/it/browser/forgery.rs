//! Another site that tries to act for a signed-in user, over plain HTTP.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::sign_up_and_in;
use crate::support::{
    App,
    window::{Screen, Window},
};

/// A site at another host with this page. Returns its base URL.
async fn another_site(html: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://evil.test:{}", listener.local_addr().expect("bound").port());
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            let length = html.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n"
            );
            let _ = connection.write_all((head + &html).as_bytes()).await;
        }
    });
    base
}

/// Alice, signed in on a plain HTTP origin, and a user whom she does not follow.
async fn signed_in_window(app: &App) -> Window {
    app.anonymous().sign_up("mallory").await;
    let mut window = Window::open(app, Screen::DESKTOP).await;
    window.rebase(format!("http://minitwit.test:{}", app.address.port()));
    sign_up_and_in(&window, "alice").await;
    window
}

async fn follows(app: &App) -> i64 {
    app.count("SELECT count(*) FROM follows").await
}

#[tokio::test]
async fn a_link_on_another_site_changes_nothing() {
    let app = App::start().await;
    let mut window = signed_in_window(&app).await;
    let target = format!("http://minitwit.test:{}", app.address.port());
    let site = another_site(format!(
        "<a id=a href='{target}/mallory/follow'>a</a>
         <a id=b referrerpolicy=no-referrer href='{target}/mallory/follow'>b</a>
         <form method=post action='{target}/mallory/follow'><button id=c>c</button></form>"
    ))
    .await;
    for (link, shown) in [
        ("#a", "The request comes from another site"),
        ("#b", "Do you want to follow mallory?"),
        ("#c", "not this site"),
    ] {
        window.rebase(site.clone());
        window.go("/").await;
        window.click(link).await;
        window.sees(shown).await;
        assert_eq!(follows(&app).await, 0, "{link}");
    }
    // The user can still follow mallory, by confirming it.
    window.rebase(site);
    window.go("/").await;
    window.click("#b").await;
    window.press("Follow user").await;
    window.sees("You are now following \"mallory\"").await;
    assert_eq!(follows(&app).await, 1);
}

#[tokio::test]
async fn a_link_in_a_message_changes_nothing() {
    let app = App::start().await;
    let window = signed_in_window(&app).await;
    let target = format!("http://minitwit.test:{}/mallory/follow", app.address.port());
    app.simulator().tweet("mallory", &format!("look: {target}")).await;
    window.go("/public").await;
    window.follow(&target).await;
    window.sees("Do you want to follow mallory?").await;
    assert_eq!(follows(&app).await, 0);
}
