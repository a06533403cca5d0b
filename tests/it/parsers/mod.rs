//! Parsers of what strangers send, with the inputs in `tests/corpus` and mutations of them.
//!
//! `make fuzz` tries a million mutations for each parser. An input that breaks one becomes a file of
//! the corpus.

mod corpus;

use std::{fmt::Display, net::IpAddr, path::Path, str::FromStr};

use minitwit::{
    domain::{
        Bio, Cursor, DisplayName, KeyCursor, MessageText, NameCursor, SearchText, Tag, Username,
        rich_text::{Segment, segments},
    },
    http::{
        cookies::{CookieNames, values},
        middleware::trusted_proxies::TrustedProxies,
    },
};
use poem::http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use simulator::Scenario;

/// Parses the text of a message, a search and a profile.
fn text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let together: String = segments(&text).iter().map(Segment::source).collect();
    assert_eq!(together, text);
    for segment in segments(&text) {
        match segment {
            Segment::Text(_) => {}
            Segment::Mention { username, .. } => {
                assert_eq!(Username::parse(username.as_str()), Ok(username));
            }
            Segment::Tag { tag, .. } => assert_eq!(Tag::parse(tag.as_str()), Ok(tag)),
            Segment::Link(address) => {
                assert!(!address.contains(['<', '>', '"', ' ', '\n']), "{address}");
            }
        }
    }
    if let Ok(name) = Username::parse_new(&text) {
        assert_eq!(Username::parse(name.as_str()), Ok(name), "a new name can be entered");
    }
    for name in Username::entered(&text) {
        assert_eq!(Username::parse(name.as_str()), Ok(name.clone()), "{text:?}");
    }
    if let Ok(search) = SearchText::parse(&text) {
        let _ = (search.terms(), search.emoji(), search.without_sign());
    }
    let _ = (MessageText::parse(&text), DisplayName::parse(&text), Bio::parse(&text));
}

fn assert_round_trip<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(cursor) = text.parse::<T>() {
        let written = cursor.to_string();
        assert!(written.parse::<T>().is_ok_and(|again| again == cursor), "{text:?}: {written}");
    }
}

fn cursor(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert_round_trip::<Cursor>(&text);
    assert_round_trip::<KeyCursor>(&text);
    assert_round_trip::<NameCursor>(&text);
}

/// The bytes as a header, as far as HTTP allows them.
fn header(bytes: &[u8]) -> HeaderValue {
    let bytes: Vec<u8> = bytes.iter().copied().filter(|it| *it >= 0x20 && *it != 0x7f).collect();
    HeaderValue::from_bytes(&bytes).expect("allowed bytes")
}

fn cookie(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    headers.append("cookie", header(bytes));
    headers.append("cookie", HeaderValue::from_static("session_1=last"));
    let found: Vec<&str> = values(&headers, "session_1").collect();
    assert_eq!(found.last(), Some(&"last"), "no other cookie hides one");
    assert!(found.iter().all(|value| !value.contains(';')), "{found:?}");
    let names = CookieNames::new("1", false);
    assert_eq!(names.sessions(&headers, false).len(), found.len());
}

/// A client cannot forge what the nearest proxy adds.
fn forwarded(bytes: &[u8]) {
    let peer = IpAddr::from([10, 0, 0, 1]);
    let client = IpAddr::from([203, 0, 113, 77]);
    let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().expect("a network")]);
    for (name, own) in [("x-forwarded-for", "203.0.113.77"), ("forwarded", "for=203.0.113.77")] {
        let mut headers = HeaderMap::new();
        headers.insert(name, header(bytes));
        let _ = proxies.client(peer, &headers);
        headers.insert(name, header(&[bytes, b", ", own.as_bytes()].concat()));
        let address = proxies.client(peer, &headers).address;
        assert!([peer, client].contains(&address), "{name}: {address}");
        headers.insert(name, header(bytes));
        headers.append(name, HeaderValue::from_static(own));
        let address = proxies.client(peer, &headers).address;
        assert!([peer, client].contains(&address), "{name}: {address}");
    }
}

fn scenario(bytes: &[u8]) {
    let path = Path::new("corpus");
    let Ok(scenario) = Scenario::read_from(bytes, path) else { return };
    let mut written = Vec::new();
    scenario.write(&mut written).expect("memory");
    assert_eq!(Scenario::read_from(&written[..], path).expect("valid"), scenario);
}

/// Tests a parser with each input of its corpus, and with mutations of them.
macro_rules! parsers {
    ($($parser:ident: $corpus:ident, $mutations:ident;)*) => {
        $(
            #[test]
            fn $corpus() {
                for (name, input) in corpus::read(stringify!($parser)) {
                    println!("{name}");
                    $parser(&input);
                }
            }

            proptest! {
                #[test]
                fn $mutations(input in corpus::mutated(stringify!($parser))) {
                    $parser(&input);
                }
            }
        )*
    };
}

parsers! {
    text: texts_of_the_corpus_are_parsed, mutated_texts_are_parsed;
    cursor: cursors_of_the_corpus_are_parsed, mutated_cursors_are_parsed;
    cookie: cookies_of_the_corpus_are_parsed, mutated_cookies_are_parsed;
    forwarded: forwarded_headers_of_the_corpus_are_parsed, mutated_forwarded_headers_are_parsed;
    scenario: scenarios_of_the_corpus_are_parsed, mutated_scenarios_are_parsed;
}
