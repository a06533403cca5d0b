//! The page that documents the APIs.

use crate::support::{
    App,
    window::{Screen, Window},
};

const LATEST: &str = ".opblock-get:has([data-path='/latest'])";
const REGISTER: &str = ".opblock-post:has([data-path='/register'])";

#[tokio::test]
async fn operations_are_listed_and_can_be_tried_out() {
    let app = App::start().await;
    let window = Window::open(&app, Screen { scripts: true, ..Screen::DESKTOP }).await;
    window.go("/docs?api=simulator").await;
    window.sees("MiniTwit simulator API").await;
    let mut paths = Vec::new();
    for operation in window.find_all(".opblock-summary-path").await {
        paths.extend(operation.attr("data-path").await.unwrap());
    }
    paths.sort();
    assert_eq!(
        paths,
        [
            "/fllws/{username}",
            "/fllws/{username}",
            "/latest",
            "/msgs",
            "/msgs/{username}",
            "/msgs/{username}",
            "/register",
        ]
    );

    try_out(&window, LATEST).await;
    sees_status(&window, LATEST, "200").await;
    window.sees_in(&format!("{LATEST} .live-responses-table"), "\"latest\": -1").await;

    authorize(&window).await;
    try_out(&window, REGISTER).await;
    sees_status(&window, REGISTER, "204").await;
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
    assert_eq!(window.console().await, [""; 0]);
}

#[tokio::test]
async fn each_api_can_be_selected() {
    let app = App::start().await;
    let window = Window::open(&app, Screen { scripts: true, ..Screen::DESKTOP }).await;
    window.go("/docs").await;
    window.sees_in(".info .title", "MiniTwit API").await;
    window.sees_in("[data-path='/tokens']", "/tokens").await;
    window.sees_in(".info__contact", "MiniTwit - Website").await;
    window.sees_in(".info__extdocs", "Error codes").await;
    window.click("#api option[value=simulator]").await;
    window.sees_in(".info .title", "MiniTwit simulator API").await;
    window.sees_in("[data-path='/latest']", "/latest").await;
    assert_eq!(window.console().await, [""; 0]);
}

/// The lock of an operation: `locked`, `unlocked` or none.
async fn lock(window: &Window, operation: &str) -> String {
    let script = format!(
        "const lock = document.querySelector(\"[id$='-{operation}'] .authorization__btn\"); \
         return lock === null ? 'none' : lock.ariaLabel.split(' ').pop()"
    );
    let lock = window.evaluate(&script).await;
    lock.as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn the_token_is_asked_for_first_and_kept_over_a_reload() {
    let app = App::start().await;
    app.api_user("ann").await;
    let token = app.api().make_token("ann", "secret").await.json()["token"].clone();
    let window = Window::open(&app, Screen { scripts: true, ..Screen::DESKTOP }).await;
    window.go("/docs").await;
    window.click(".auth-wrapper .authorize").await;
    window.find("#auth-bearer-value").await;
    assert_eq!(window.find_all(".modal-ux .auth-container").await.len(), 1);
    for (operation, before) in
        [("createToken", "none"), ("listMessages", "unlocked"), ("createMessage", "unlocked")]
    {
        assert_eq!(lock(&window, operation).await, before, "{operation}");
    }
    window.fill(".modal-ux #auth-bearer-value", token.as_str().expect("a token")).await;
    window.click(".modal-ux .authorize").await;
    window.click(".modal-ux .btn-done").await;
    for _ in 0..2 {
        window.sees_in("[data-path='/tokens']", "/tokens").await;
        for (operation, after) in
            [("createToken", "none"), ("listMessages", "locked"), ("createMessage", "locked")]
        {
            assert_eq!(lock(&window, operation).await, after, "{operation}");
        }
        window.go("/docs").await;
    }
    assert_eq!(window.console().await, [""; 0]);
}

#[tokio::test]
async fn a_stream_is_explained_by_curl_instead_of_a_form() {
    let app = App::start().await;
    let window = Window::open(&app, Screen { scripts: true, ..Screen::DESKTOP }).await;
    window.go("/docs").await;
    let stream = "#operations-Stream-stream";
    window.click(&format!("{stream} .opblock-summary-control")).await;
    window.sees_in(stream, "curl --no-buffer").await;
    assert!(window.find_all(&format!("{stream} .try-out__btn")).await.is_empty());
}

#[tokio::test]
async fn the_documentation_follows_the_preferred_color_scheme() {
    let app = App::start().await;
    let screen = Screen { scripts: true, ..Screen::DESKTOP };
    let window = Window::open(&app, screen).await;
    window.go("/docs").await;
    window.sees("MiniTwit API").await;
    for (dark, filter) in [(true, "invert(0.9) hue-rotate(180deg)"), (false, "none")] {
        window.change(Screen { dark, ..screen }).await;
        assert_eq!(window.style("html", "filter").await, filter, "dark: {dark}");
    }
}

async fn authorize(window: &Window) {
    window.click(".auth-wrapper .authorize").await;
    window.fill(".modal-ux [name=username]", "simulator").await;
    window.fill(".modal-ux [name=password]", "super_safe!").await;
    window.click(".modal-ux .authorize").await;
    window.click(".modal-ux .btn-done").await;
}

async fn try_out(window: &Window, operation: &str) {
    window.click(&format!("{operation} .opblock-summary-control")).await;
    window.click(&format!("{operation} .try-out__btn")).await;
    window.click(&format!("{operation} .execute")).await;
}

async fn sees_status(window: &Window, operation: &str, status: &str) {
    let shown = format!("{operation} .live-responses-table tbody .response-col_status");
    window.sees_in(&shown, status).await;
}
