//! Takes the screenshots of `docs/screenshots/`. `scripts/screenshots` saves them; other runs only check
//! their sizes.

use std::{env, fs, path::Path};

use super::sign_in;
use crate::support::{
    App,
    window::{Screen, Window},
};

/// The environment variable with the folder for the screenshots.
const FOLDER: &str = "SCREENSHOTS";
/// The README shows the screenshots, so they must load quickly.
const MAX_BYTES: usize = 200_000;
/// The PNG signature (PNG specification, section 5.2).
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

const VIEWER: &str = "Milada";

/// Author, time and text, oldest first.
const MESSAGES: [(&str, &str, &str); 18] = [
    ("Tomasz", "2026-05-14 19:58", "Is the library open on Sundays again?"),
    (
        "Ines Bakker",
        "2026-05-15 06:12",
        "Up before the tram. The canal was like glass, and two herons argued about it.",
    ),
    (
        "Ines Bakker",
        "2026-05-15 12:40",
        "Lunch verdict: the soup of the day should be the soup of every day.",
    ),
    (
        "Yuki",
        "2026-05-15 17:03",
        "Finally understood why my sourdough never rises. It is me. I open the oven.",
    ),
    (
        "Ines Bakker",
        "2026-05-15 18:25",
        "Thank you to the person who left a lemon cake at the front desk!",
    ),
    (
        "Daniel Okafor",
        "2026-05-15 20:31",
        "Our five-a-side team lost 7–1, and yet everyone wants to see my goal again. So do I.",
    ),
    (
        "Ines Bakker",
        "2026-05-16 07:15",
        "Third attempt at growing basil on a north-facing window sill. We are both trying.",
    ),
    (
        "Amélie",
        "2026-05-16 08:02",
        "Le marché sent déjà la fraise. C'est décidé, c'est le printemps. 🍓",
    ),
    (
        "Priya",
        "2026-05-16 08:47",
        "Wrote the test first. It failed. Wrote the code. It passed. Deleted half of the code. It still passes?!",
    ),
    ("Tomasz", "2026-05-16 09:10", "The library is open on Sundays again. This is not a drill."),
    ("Ines Bakker", "2026-05-16 09:22", "If anyone needs me on Sunday, I am at the library."),
    (
        "Yuki",
        "2026-05-16 09:35",
        "Loaf number nine. It rose! I kept my hands behind my back the whole time.",
    ),
    (
        "Daniel Okafor",
        "2026-05-16 10:04",
        "Lost: one blue umbrella, somewhere between platform 4 and my own forgetfulness.",
    ),
    (
        "Ines Bakker",
        "2026-05-16 10:26",
        "Found one blue umbrella on platform 4. Daniel, it misses you.",
    ),
    (
        "Priya",
        "2026-05-16 10:51",
        "Never, ever rename a column on a Saturday morning. Ask me how I know.",
    ),
    (
        "Amélie",
        "2026-05-16 11:08",
        "First swim of the year. Eleven degrees, four of us, one thermos of tea. Worth it.",
    ),
    (
        "Milada",
        "2026-05-16 11:19",
        "Repaired my grandmother's radio: one capacitor and a lot of patience. It hums in tune now.",
    ),
    ("Ines Bakker", "2026-05-16 11:27", "The herons are back, and they brought a friend. 🐦"),
];

/// The name, the path and the heading of each page.
const PAGES: [(&str, &str, &str); 4] = [
    ("public", "/public", "Public Timeline"),
    ("profile", "/Ines%20Bakker", "Ines Bakker's Timeline"),
    ("search", "/search?q=heron", "Search"),
    ("settings", "/settings", "Settings"),
];

/// The height shows no cut-off message.
const DESKTOP: Screen = Screen { height: 780, ..Screen::DESKTOP };
const PHONE: Screen = Screen { width: 390, height: 844, density: 2, ..Screen::DESKTOP };

#[tokio::test]
async fn screenshots_of_the_pages() {
    let app = populated().await;
    let window = Window::open(&app, DESKTOP).await;
    window.go("/login").await;
    sign_in(&window, VIEWER, "secret").await;
    window.sees("You were logged in").await;
    for (page, path, heading) in PAGES {
        for (screen_name, screen) in [("desktop", DESKTOP), ("phone", PHONE)] {
            for (scheme, dark) in [("light", false), ("dark", true)] {
                window.change(Screen { dark, ..screen }).await;
                window.go(path).await;
                window.sees_in("h2", heading).await;
                take(&window, screen, &format!("{page}-{screen_name}-{scheme}.png")).await;
            }
        }
    }
}

/// Takes a screenshot, and saves it if [`FOLDER`] is set.
async fn take(window: &Window, screen: Screen, name: &str) {
    // Hides the blinking cursor.
    window.evaluate("document.activeElement.blur()").await;
    let picture = window.screenshot().await;
    assert_eq!(size(&picture), (screen.width * screen.density, screen.height * screen.density));
    assert!(picture.len() < MAX_BYTES, "{name}: {} bytes", picture.len());
    if let Some(folder) = env::var_os(FOLDER) {
        fs::write(Path::new(&folder).join(name), picture).expect("a folder to write to");
    }
}

/// A server with [`MESSAGES`].
async fn populated() -> App {
    let app = App::start().await;
    let simulator = app.simulator();
    for (author, published_at, text) in MESSAGES {
        simulator.register(author).await;
        assert_eq!(simulator.tweet(author, text).await.status, 204, "{text}");
        let moved = sqlx::query(
            "UPDATE messages SET published_at = ($1 || 'Z')::timestamptz WHERE text = $2",
        );
        moved.bind(published_at).bind(text).execute(&app.rows).await.expect("moved in time");
    }
    simulator.follow(VIEWER, "Ines Bakker").await;
    app.execute(
        "UPDATE users SET created_at = '2026-02-01 09:00 UTC';
         UPDATE users SET bio = 'Early trams, late lunches, two herons.'
         WHERE username = 'Ines Bakker'",
    )
    .await;
    app
}

/// The width and height in the first chunk of a PNG file (PNG specification, section 11.2.2).
fn size(picture: &[u8]) -> (u32, u32) {
    assert!(picture.starts_with(PNG), "not a PNG file");
    let number = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().expect("4 bytes"));
    (number(16), number(20))
}
