//! The static files, embedded in the program and served under names that change with their content.
//!
//! A browser may therefore keep each of them for ever: another content is another URL.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

static STYLESHEET: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("style", "css", "text/css; charset=utf-8", include_bytes!("../../static/style.css"))
});
static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("favicon", "svg", "image/svg+xml", include_bytes!("../../static/favicon.svg"))
});
static CARD: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("card", "png", "image/png", include_bytes!("../../static/card.png"))
});
static SCRIPTS: LazyLock<[Asset; 5]> = LazyLock::new(|| {
    [
        script("confirm", include_bytes!("../../static/confirm.js")),
        script("counter", include_bytes!("../../static/counter.js")),
        script("live", include_bytes!("../../static/live.js")),
        script("older", include_bytes!("../../static/older.js")),
        script("times", include_bytes!("../../static/times.js")),
    ]
});

/// A module without imports: it would have to name other modules by their fingerprints.
fn script(stem: &str, bytes: &'static [u8]) -> Asset {
    Asset::new(stem, "js", "text/javascript; charset=utf-8", bytes)
}

/// A static file, as it is served below `/static/`.
#[derive(Debug)]
pub struct Asset {
    file_name: String,
    content_type: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(stem: &str, extension: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        Self {
            file_name: format!("{stem}.{}.{extension}", fingerprint(bytes)),
            content_type,
            bytes,
        }
    }

    /// The file of this name, its fingerprint included; `None` where there is no such file now.
    #[must_use]
    pub fn find(file_name: &str) -> Option<&'static Self> {
        let mut all =
            [Self::stylesheet(), Self::icon(), Self::card()].into_iter().chain(Self::scripts());
        all.find(|asset| asset.file_name == file_name)
    }

    /// The style sheet of every page.
    #[must_use]
    pub fn stylesheet() -> &'static Self {
        &STYLESHEET
    }

    /// The icon that a browser shows beside the title.
    #[must_use]
    pub fn icon() -> &'static Self {
        &ICON
    }

    /// The icon as other sites show it beside a link to a page: they take no SVG.
    #[must_use]
    pub fn card() -> &'static Self {
        &CARD
    }

    /// What every page does more comfortably with JavaScript: one module a matter, which leaves
    /// pages alone that have nothing for it.
    #[must_use]
    pub fn scripts() -> &'static [Self] {
        &*SCRIPTS
    }

    /// The path under which the file is served.
    #[must_use]
    pub fn url(&self) -> String {
        format!("/static/{}", self.file_name)
    }

    /// The value of the file's `Content-Type`.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// What the file holds.
    #[must_use]
    pub fn bytes(&self) -> &'static [u8] {
        self.bytes
    }
}

/// The first 64 bits of the content's SHA-256, as 16 hexadecimal digits.
fn fingerprint(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_beginning_of_the_sha_256() {
        // The first test vector of FIPS 180-2, appendix B.1.
        assert_eq!(fingerprint(b"abc"), "ba7816bf8f01cfea");
    }

    #[test]
    fn each_file_is_found_by_the_name_in_its_url() {
        let scripts = Asset::scripts().iter().map(|it| (it, "", "text/javascript; charset=utf-8"));
        for (asset, stem, content_type) in [
            (Asset::stylesheet(), "style.", "text/css; charset=utf-8"),
            (Asset::icon(), "favicon.", "image/svg+xml"),
            (Asset::card(), "card.", "image/png"),
        ]
        .into_iter()
        .chain(scripts)
        {
            let url = asset.url();
            let file_name = url.strip_prefix("/static/").expect("below /static/");
            assert!(file_name.starts_with(stem), "{file_name}");
            assert!(file_name.contains(&fingerprint(asset.bytes())), "{file_name}");

            let found = Asset::find(file_name).expect("a file that a page links to");
            assert_eq!(found.content_type(), content_type);
            assert_eq!(found.bytes(), asset.bytes());
        }
    }

    #[test]
    fn names_of_no_file_of_this_version_are_not_found() {
        for name in ["", "style.css", "style.0000000000000000.css", "../Cargo.toml"] {
            assert!(Asset::find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn the_stylesheet_asks_for_nothing_from_elsewhere() {
        let css = std::str::from_utf8(Asset::stylesheet().bytes()).expect("UTF-8");
        assert!(!css.contains("url(") && !css.contains("@import"));
        assert!(css.len() < 10 * 1024, "{} bytes", css.len());
    }

    #[test]
    fn the_scripts_are_small_need_no_other_module_and_make_no_html() {
        let sources = Asset::scripts().iter().map(|it| std::str::from_utf8(it.bytes()));
        let all: String = sources.collect::<Result<_, _>>().expect("UTF-8");
        assert!(all.len() < 10 * 1024, "{} bytes", all.len());
        for word in ["import ", "import(", "innerHTML", "outerHTML", "insertAdjacentHTML", "eval("]
        {
            assert!(!all.contains(word), "{word}");
        }
    }
}
