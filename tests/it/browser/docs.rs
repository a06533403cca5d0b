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
    window.click("#api option[value=simulator]").await;
    window.sees_in(".info .title", "MiniTwit simulator API").await;
    window.sees_in("[data-path='/latest']", "/latest").await;
    assert_eq!(window.console().await, [""; 0]);
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
