//! The static files, compiled into the program.
//!
//! Each file's name contains a fingerprint of its content, so browsers may cache it without limit: a
//! changed file has a new URL.

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
static SCRIPTS: LazyLock<[Asset; 9]> = LazyLock::new(|| {
    [
        script("composer", include_bytes!("../../static/composer.js")),
        script("confirm", include_bytes!("../../static/confirm.js")),
        script("counter", include_bytes!("../../static/counter.js")),
        script("live", include_bytes!("../../static/live.js")),
        script("older", include_bytes!("../../static/older.js")),
        script("once", include_bytes!("../../static/once.js")),
        script("reply", include_bytes!("../../static/reply.js")),
        script("session", include_bytes!("../../static/session.js")),
        script("times", include_bytes!("../../static/times.js")),
    ]
});

/// A script cannot import others, because it does not know their fingerprints.
fn script(stem: &str, bytes: &'static [u8]) -> Asset {
    Asset::new(stem, "js", "text/javascript; charset=utf-8", bytes)
}

/// A file served below `/static/`.
#[derive(Debug)]
pub(super) struct Asset {
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

    pub(super) fn find(file_name: &str) -> Option<&'static Self> {
        let mut all =
            [Self::stylesheet(), Self::icon(), Self::card()].into_iter().chain(Self::scripts());
        all.find(|asset| asset.file_name == file_name)
    }

    pub(super) fn stylesheet() -> &'static Self {
        &STYLESHEET
    }

    pub(super) fn icon() -> &'static Self {
        &ICON
    }

    /// The preview picture of links on other sites, as PNG because they do not support SVG.
    pub(super) fn card() -> &'static Self {
        &CARD
    }

    /// The scripts of every page, one per feature. A script has no effect on pages without its elements.
    pub(super) fn scripts() -> &'static [Self] {
        &*SCRIPTS
    }

    pub(super) fn url(&self) -> String {
        format!("/static/{}", self.file_name)
    }

    pub(super) fn content_type(&self) -> &'static str {
        self.content_type
    }

    pub(super) fn bytes(&self) -> &'static [u8] {
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
    fn a_fingerprint_is_a_prefix_of_the_sha_256() {
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
    fn unknown_file_names_are_not_found() {
        for name in ["", "style.css", "style.0000000000000000.css", "../Cargo.toml"] {
            assert!(Asset::find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn the_stylesheet_loads_nothing_from_other_hosts() {
        let css = std::str::from_utf8(Asset::stylesheet().bytes()).expect("UTF-8");
        assert!(!css.contains("url(") && !css.contains("@import"));
        assert!(css.len() < 11 * 1024, "{} bytes", css.len());
    }

    #[test]
    fn scripts_are_small_and_use_no_imports_and_no_html_strings() {
        let sources = Asset::scripts().iter().map(|it| std::str::from_utf8(it.bytes()));
        let all: String = sources.collect::<Result<_, _>>().expect("UTF-8");
        assert!(all.len() < 18 * 1024, "{} bytes", all.len());
        for word in ["import ", "import(", "innerHTML", "outerHTML", "insertAdjacentHTML", "eval("]
        {
            assert!(!all.contains(word), "{word}");
        }
    }
}
