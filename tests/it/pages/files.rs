//! Static files and avatars.

use minitwit::web::SecurityContact;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::support::{App, actors::TestResponse, cluster::TestDatabase};

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The first path on the page that has this ending.
fn linked<'a>(page: &'a TestResponse, ending: &str) -> &'a str {
    let mut values = page.body.split('"').filter(|value| value.ends_with(ending));
    values.next().expect("a link")
}

#[tokio::test]
async fn static_files_are_cacheable_without_limit() {
    let app = App::start().await;
    let anonymous = app.anonymous();
    let page = anonymous.get("/public").await;
    for (ending, content_type, beginning) in [
        (".css", "text/css; charset=utf-8", ""),
        (".js", "text/javascript; charset=utf-8", "// "),
        (".svg", "image/svg+xml", "<svg"),
    ] {
        let path = linked(&page, ending);
        assert!(path.starts_with("/static/"), "{path}");
        let file = anonymous.get(path).await;
        assert_eq!(file.status, 200, "{path}");
        assert_eq!(file.header("content-type"), content_type);
        assert_eq!(file.header("cache-control"), IMMUTABLE);
        assert!(file.body.starts_with(beginning) && !file.body.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn robots_txt_excludes_apis_and_settings() {
    let app = App::start().await;
    let robots = app.anonymous().get("/robots.txt").await;
    assert_eq!((robots.status, robots.header("content-type")), (200, "text/plain; charset=utf-8"));
    robots.says("User-agent: *\n").says("\nDisallow: /settings\n");
}

#[tokio::test]
async fn password_managers_find_the_form_to_change_a_password() {
    let app = App::start().await;
    let alice = app.signed_in("alice").await;
    let answer = alice.get("/.well-known/change-password").await;
    assert_eq!((answer.status, answer.header("location")), (302, "/settings"));
    alice.visit("/.well-known/change-password").await.says("Change password");
    // Password managers request this path to find out whether the server sends correct statuses.
    let path = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";
    assert_eq!(alice.get(path).await.status, 404);
}

#[tokio::test]
async fn security_txt_has_the_contact_and_an_expiry_within_a_year() {
    let without = App::start().await;
    assert_eq!(without.anonymous().get("/.well-known/security.txt").await.status, 404);
    let app = App::start_with(TestDatabase::fresh().await, |settings| {
        let contact = "mailto:security@example.org".to_owned();
        settings.server.security_contact = SecurityContact(Some(contact));
    })
    .await;
    let file = app.anonymous().get("/.well-known/security.txt").await;
    assert_eq!((file.status, file.header("content-type")), (200, "text/plain; charset=utf-8"));
    file.says("Contact: mailto:security@example.org\n");
    let expires = file.body.lines().find_map(|line| line.strip_prefix("Expires: "));
    let expires = OffsetDateTime::parse(expires.expect("a time"), &Rfc3339).expect("RFC 3339");
    let left = expires - OffsetDateTime::now_utc();
    assert!(left > Duration::days(30) && left < Duration::days(365), "{left}");
}

#[tokio::test]
async fn every_username_has_an_avatar() {
    let app = App::start().await;
    let anonymous = app.anonymous();
    let mut pictures = Vec::new();
    for name in ["alice", "Roger%20Histand", "%F0%9F%A6%80", "%3Cscript%3E", "%22%3E"] {
        let picture = anonymous.get(&format!("/avatar/{name}")).await;
        assert_eq!(picture.status, 200, "{name}");
        assert_eq!(picture.header("content-type"), "image/svg+xml");
        assert_eq!(picture.header("cache-control"), IMMUTABLE);
        picture.says("<svg xmlns=").does_not_say("script");
        pictures.push(picture.body);
    }
    pictures.sort();
    pictures.dedup();
    assert_eq!(pictures.len(), 5, "five names have five avatars");
    let composed = anonymous.get("/avatar/%C3%85se").await.body;
    assert_eq!(anonymous.get("/avatar/A%CC%8Ase").await.body, composed);
}

#[tokio::test]
async fn a_malformed_username_has_no_avatar() {
    let app = App::start().await;
    for name in ["a%2Fb", "a%00", &"a".repeat(1_025)] {
        let page = app.anonymous().get(&format!("/avatar/{name}")).await;
        assert_eq!(page.status, 404, "{name}");
        assert_ne!(page.header("cache-control"), IMMUTABLE);
        page.says("<h2>Not Found</h2>");
    }
}
