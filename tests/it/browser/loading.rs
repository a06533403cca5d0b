//! The files that pages load, and the scripts that their Content-Security-Policy blocks.

use serde_json::json;

use super::{HARD_NAMES, sign_in, start_with_hard_content};
use crate::support::{
    App,
    actors::encode,
    eventually,
    window::{Screen, Window},
};

/// Whether each picture is loaded. Scrolls to the first that is not, because pictures off the screen load lazily.
const PICTURES: &str = "
    const isLoaded = image => image.complete && image.naturalWidth > 0;
    [...document.images].find(image => !isLoaded(image))?.scrollIntoView({ behavior: 'instant' });
    return [...document.images].map(isLoaded);
";

#[tokio::test]
async fn styles_and_pictures_load_without_console_messages() {
    assert_everything_loads(Screen::DESKTOP).await;
}

#[tokio::test]
async fn styles_and_pictures_load_without_console_messages_with_scripts() {
    assert_everything_loads(Screen { scripts: true, ..Screen::DESKTOP }).await;
}

async fn assert_everything_loads(screen: Screen) {
    let app = start_with_hard_content().await;
    let window = Window::open(&app, screen).await;
    window.go("/login").await;
    sign_in(&window, HARD_NAMES[0], "secret").await;
    window.sees("You were logged in").await;
    for path in ["/".to_owned(), "/public".to_owned(), format!("/{}", encode(HARD_NAMES[1]))] {
        window.go(&path).await;
        let pictures = eventually("all pictures", async || {
            let loaded = window.evaluate(PICTURES).await;
            let loaded = loaded.as_array().unwrap().clone();
            loaded.iter().all(|picture| *picture == json!(true)).then_some(loaded.len())
        });
        assert!(pictures.await > 5, "{path}");
        let rules = window.evaluate("return document.styleSheets[0].cssRules.length").await;
        assert!(rules.as_u64() > Some(50), "{path}: {rules}");
    }
    assert_eq!(window.console().await, [""; 0]);
}

#[tokio::test]
async fn the_icon_is_a_picture() {
    let app = App::start().await;
    let window = Window::open(&app, Screen::DESKTOP).await;
    window.go("/public").await;
    let icon = window.find("link[rel=icon]").await.attr("href").await.unwrap().unwrap();
    for path in [&icon, "/favicon.ico"] {
        let response = app.anonymous().visit(path).await;
        assert_eq!(
            (response.status, response.header("content-type")),
            (200, "image/svg+xml"),
            "{path}"
        );
    }
}

/// Tests without `scripts` prove that pages need none only if Chromium then runs none.
#[tokio::test]
async fn scripts_run_only_if_a_test_enables_them() {
    let app = App::start().await;
    let page = "data:text/html,<title>off</title><script>document.title = 'on'</script>";
    for scripts in [false, true] {
        let mut window = Window::open(&app, Screen { scripts, ..Screen::DESKTOP }).await;
        window.rebase(String::new());
        window.go(page).await;
        let title = window.evaluate("return document.title").await;
        assert_eq!(title, if scripts { "on" } else { "off" });
    }
}

/// Even unescaped scripts, inline or in an attribute, do not run.
#[tokio::test]
async fn inline_scripts_do_not_run() {
    const SMUGGLED: &str = "
        const script = document.createElement('script');
        script.textContent = 'document.title = \"smuggled\"';
        const link = document.createElement('a');
        link.setAttribute('onclick', 'document.title = \"smuggled\"');
        document.body.append(script, link);
        link.click();
        return document.title;
    ";
    let app = App::start().await;
    let window = Window::open(&app, Screen { scripts: true, ..Screen::DESKTOP }).await;
    window.go("/public").await;
    let title = window.evaluate(SMUGGLED).await;
    assert!(title.as_str().is_some_and(|title| !title.contains("smuggled")), "{title}");
    let console = window.console().await.concat();
    assert_eq!(console.matches("Content Security Policy").count(), 2, "{console}");
}

#[tokio::test]
async fn a_policy_violation_is_in_the_console() {
    let app = App::start().await;
    let window = Window::open(&app, Screen::DESKTOP).await;
    window.go("/public").await;
    window.evaluate("document.body.setAttribute('style', 'color: red')").await;
    let console = window.console().await.concat();
    assert!(console.contains("Content Security Policy"), "{console}");
}
