//! What the pages load, under their own Content-Security-Policy.

use serde_json::json;

use super::{HARD_NAMES, crowd, sign_in};
use crate::support::{
    App,
    actors::encode,
    eventually,
    window::{Screen, Window},
};

/// Brings every picture into sight, as pictures far below load late.
const PICTURES: &str = "
    return [...document.images].map(image => {
        image.scrollIntoView();
        return image.complete && image.naturalWidth > 0;
    });
";

#[tokio::test]
async fn style_and_pictures_load_and_the_console_stays_empty() {
    everything_loads(Screen::DESKTOP).await;
}

#[tokio::test]
async fn so_they_do_with_scripts() {
    everything_loads(Screen { scripts: true, ..Screen::DESKTOP }).await;
}

async fn everything_loads(screen: Screen) {
    let app = crowd().await;
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
        let answer = app.anonymous().visit(path).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "image/svg+xml"),
            "{path}"
        );
    }
}

/// Otherwise the other tests would not show that the pages need none.
#[tokio::test]
async fn scripts_run_only_where_a_test_wants_them() {
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

/// What would get through all escaping still does not run: a script in the page, and one in an attribute.
#[tokio::test]
async fn no_script_within_a_page_runs() {
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
async fn a_refused_load_is_told_in_the_console() {
    let app = App::start().await;
    let window = Window::open(&app, Screen::DESKTOP).await;
    window.go("/public").await;
    window.evaluate("document.body.setAttribute('style', 'color: red')").await;
    let console = window.console().await.concat();
    assert!(console.contains("Content Security Policy"), "{console}");
}
