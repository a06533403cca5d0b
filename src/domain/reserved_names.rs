//! Usernames that no user may register: the paths of pages, and what clients fetch at the root.
//!
//! A new page takes one of these names, or a path below `/-/`. So no page ever takes a user's path.
//! A user who has such a name already is shown below `/users/`.

/// Reserved in any case.
const NAMES: &[&str] = &[
    // Paths of the server, now or later.
    "-",
    "about",
    "add_message",
    "admin",
    "api",
    "assets",
    "atom",
    "avatar",
    "avatars",
    "contact",
    "docs",
    "export",
    "feed",
    "fllws",
    "grafana",
    "healthz",
    "invite",
    "latest",
    "login",
    "logout",
    "message",
    "messages",
    "metrics",
    "moderation",
    "msgs",
    "nginx-health",
    "notifications",
    "openapi.json",
    "opensearch.xml",
    "password",
    "privacy",
    "public",
    "readyz",
    "register",
    "report",
    "reports",
    "search",
    "settings",
    "sim",
    "static",
    "status",
    "stream",
    "tag",
    "tags",
    "terms",
    "timeline",
    "users",
    "verify",
    // Files that browsers, crawlers and other clients fetch at the root.
    "ads.txt",
    "ai.txt",
    "app-ads.txt",
    "apple-app-site-association",
    "assetlinks.json",
    "bingsiteauth.xml",
    "browserconfig.xml",
    "carbon.txt",
    "clientaccesspolicy.xml",
    "crossdomain.xml",
    "dnt-policy.txt",
    "feed.xml",
    "firebase-messaging-sw.js",
    "host-meta",
    "humans.txt",
    "llms-full.txt",
    "llms.txt",
    "manifest.json",
    "manifest.webmanifest",
    "nodeinfo",
    "rss",
    "rss.xml",
    "robots.txt",
    "security.txt",
    "sellers.json",
    "service-worker.js",
    "serviceworker.js",
    "site.webmanifest",
    "sw.js",
    "tdmrep.json",
    "trust.txt",
    "wpad.dat",
];

/// The first and the last characters of further names, in lower case.
const PATTERNS: &[(&str, &str)] = &[
    (".well-known", ""),
    ("apple-touch-icon", ".png"),
    ("favicon", ".ico"),
    ("favicon", ".png"),
    ("favicon", ".svg"),
    ("google", ".html"),
    ("index.", ""),
    ("sitemap", ".txt"),
    ("sitemap", ".xml"),
    ("sitemap", ".xml.gz"),
    ("yandex_", ".html"),
    // The feed of a profile.
    ("", ".atom"),
];

/// Whether a username is reserved, in any case.
pub(super) fn is_reserved(name: &str) -> bool {
    // Upper case first, so that letters with one upper case, such as `ſ` and `s`, are equal.
    let name = name.to_uppercase().to_lowercase();
    NAMES.contains(&name.as_str())
        || PATTERNS
            .iter()
            .any(|(first, last)| name.strip_prefix(first).is_some_and(|rest| rest.ends_with(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_files_of_the_root_are_reserved_in_any_case() {
        for name in [
            "public",
            "Login",
            "SETTINGS",
            "ſettings",
            "-",
            "index.html",
            "Index.PHP",
            "ads.txt",
            "humans.txt",
            "security.txt",
            "robots.TXT",
            "apple-touch-icon.png",
            "apple-touch-icon-120x120-precomposed.png",
            "favicon.ico",
            "favicon-32x32.png",
            "manifest.json",
            ".well-known",
            "sitemap.xml",
            "sitemap_index.xml",
            "sitemap1.xml.gz",
            "sw.js",
            "opensearch.xml",
            "google1a2b3c.html",
            "status",
            "notifications",
            "about",
            "privacy",
            "terms",
            "contact",
            "moderation",
            "report",
            "reports",
            "admin",
            "password",
            "verify",
            "export",
            "invite",
            "users",
            "bob.atom",
            "Bob.ATOM",
            ".atom",
        ] {
            assert!(is_reserved(name), "{name}");
        }
    }

    #[test]
    fn names_that_only_resemble_them_are_free() {
        for name in [
            "logins",
            "log in",
            "--",
            "atom.xml",
            "alice.atoms",
            "index",
            "googlehtml",
            "favicon",
            "apple-touch-icon",
            "...",
            "node.js",
            "bob.txt",
            "admins",
            "ｌｏｇｉｎ",
            "well-known",
        ] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
