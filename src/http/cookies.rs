//! The cookies of a request, parsed one by one, and the names of this instance's cookies.
//!
//! Other programs on the same host set cookies, too, in any encoding, so a malformed cookie must not
//! hide the others. Browsers do not separate cookies by port, so each instance has names of its own.

use poem::http::{HeaderMap, header};

/// The name of the session's cookie in programs without a name for each instance.
const FORMER_SESSION: &str = "session";
const SESSION: &str = "session";

/// The most session cookies that are tried. A browser sends more than one only if other paths or
/// domains have cookies with the same name.
pub const MAX_SESSIONS: usize = 16;

/// The names of the cookies of one instance, for HTTP or for HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieNames {
    instance: String,
    https: bool,
}

impl CookieNames {
    /// The names for clients that use HTTPS or not.
    pub fn new(instance: &str, https: bool) -> Self {
        Self { instance: instance.to_owned(), https }
    }

    /// The cookie with the session token.
    pub fn session(&self) -> String {
        self.of(SESSION)
    }

    /// The cookie that begins with `stem`.
    ///
    /// Over HTTPS its prefix is `__Host-`: browsers accept it only from this host, over HTTPS, and for
    /// all paths.
    pub fn of(&self, stem: &str) -> String {
        let prefix = if self.https { "__Host-" } else { "" };
        format!("{prefix}{stem}_{}", self.instance)
    }

    /// The values of the session cookies in `headers`, those of this instance first.
    pub fn sessions<'a>(&self, headers: &'a HeaderMap, read_former: bool) -> Vec<SentSession<'a>> {
        if !mentions_session(headers) {
            return Vec::new();
        }
        let own = self.session();
        let own = values(headers, &own).map(|value| SentSession { value, former: false });
        let former = values(headers, FORMER_SESSION).filter(|_| read_former);
        own.chain(former.map(|value| SentSession { value, former: true })).collect()
    }
}

/// A session cookie of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentSession<'a> {
    /// Its value, which may be malformed.
    pub value: &'a str,
    /// Whether it has the former name.
    pub former: bool,
}

/// The former name of the session's cookie, to remove it.
pub fn former_session() -> &'static str {
    FORMER_SESSION
}

/// The values of all cookies named `name`, in the request's order. Omits values that are not UTF-8.
pub fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let cookies = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    cookies.filter_map(move |cookie| {
        let separator = cookie.iter().position(|byte| *byte == b'=')?;
        let (found, value) = (&cookie[..separator], &cookie[separator + 1..]);
        let value = std::str::from_utf8(value.trim_ascii()).ok();
        value.filter(|_| found.trim_ascii() == name.as_bytes())
    })
}

/// True if a cookie may be a session's. Most requests have none.
pub fn mentions_session(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::COOKIE).iter();
    lines.any(|line| line.as_bytes().windows(SESSION.len()).any(|part| part == SESSION.as_bytes()))
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        let value = |line: &&[u8]| HeaderValue::from_bytes(line).expect("a value");
        lines.iter().map(|line| (header::COOKIE, value(line))).collect()
    }

    fn found(lines: &[&[u8]], name: &str) -> Vec<String> {
        values(&headers(lines), name).map(str::to_owned).collect()
    }

    #[test]
    fn a_cookie_is_found_among_others_of_any_form() {
        for line in [
            &b"a=1"[..],
            b"by=K\xc3\xb8benhavn; a=1",
            b"by=K\xf8benhavn;a=1",
            b"a=1; \xff\xfe",
            b"; ;=;;a=1;=x",
            b"x\"y=\"a=2; a=1",
            b"A=0; aa=2; a =1",
            b"novalue; a= 1 ",
            b"%=%; a=1",
        ] {
            assert_eq!(found(&[line], "a"), ["1"], "{}", line.escape_ascii());
        }
        assert_eq!(found(&[b"a=1; b=2; a=3", b"a=4"], "a"), ["1", "3", "4"]);
        assert_eq!(found(&[b"a=\xff; a=b=c; a="], "a"), ["b=c", ""]);
        assert_eq!(found(&[b"", b"ab=1", b"=a"], "a"), [""; 0]);
    }

    #[test]
    fn names_contain_the_instance_and_over_https_a_prefix() {
        let name = |https| CookieNames::new("0123abcd", https).session();
        assert_eq!(name(false), "session_0123abcd");
        assert_eq!(name(true), "__Host-session_0123abcd");
    }

    #[test]
    fn a_former_session_comes_last_and_only_while_it_is_read() {
        let names = CookieNames::new("1", false);
        let headers = headers(&[b"session=old; session_2=other; session_1=new; session_1=newer"]);
        let values = |read_former| -> Vec<_> {
            let sessions = names.sessions(&headers, read_former);
            sessions.iter().map(|it| (it.value.to_owned(), it.former)).collect()
        };
        let own = [("new".to_owned(), false), ("newer".to_owned(), false)];
        assert_eq!(values(false), own);
        assert_eq!(values(true)[..2], own);
        assert_eq!(values(true)[2..], [("old".to_owned(), true)]);
    }

    proptest! {
        /// Bytes that other programs may put before and after a cookie never hide it.
        #[test]
        fn other_cookies_never_hide_one(
            before in prop::collection::vec(cookie(), 0..4),
            after in prop::collection::vec(cookie(), 0..4),
        ) {
            let ours = vec![b"session_1=token".to_vec()];
            let line = [before, ours, after].concat().join(&b"; "[..]);
            prop_assert_eq!(found(&[&line], "session_1"), ["token"]);
        }

        #[test]
        fn any_header_is_parsed(line in prop::collection::vec(header_byte(), 0..200)) {
            let headers = headers(&[&line]);
            for value in values(&headers, "a") {
                prop_assert!(!value.contains(';'));
            }
        }
    }

    /// A byte that HTTP allows in a header.
    fn header_byte() -> impl Strategy<Value = u8> {
        any::<u8>().prop_map(|byte| if byte < 0x20 || byte == 0x7f { b' ' } else { byte })
    }

    /// A cookie of another program: any bytes except the separator.
    fn cookie() -> impl Strategy<Value = Vec<u8>> {
        let byte = header_byte().prop_map(|byte| if byte == b';' { b'=' } else { byte });
        prop::collection::vec(byte, 0..20)
            .prop_filter("another name", |cookie| !cookie.starts_with(b"session_1"))
    }
}
