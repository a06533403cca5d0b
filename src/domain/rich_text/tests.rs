//! The grammar: what it recognizes and what stays plain text.

use proptest::prelude::*;

use super::*;

/// The segments that are not plain text: `@name`, `#tag` or a URL.
fn references(text: &str) -> Vec<String> {
    let reference = |segment: &Segment<'_>| match segment {
        Segment::Text(_) => None,
        Segment::Mention { username, .. } => Some(format!("@{username}")),
        Segment::Tag { tag, .. } => Some(format!("#{tag}")),
        Segment::Link(url) => Some((*url).to_owned()),
    };
    segments(text).iter().filter_map(reference).collect()
}

fn assert_references(cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        assert_eq!(references(text), *expected, "{text:?}");
    }
}

#[test]
fn a_text_is_split_into_segments_in_order() {
    assert_eq!(
        segments("Hi @bob, see https://example.net/a?b#c. #Rust"),
        [
            Segment::Text("Hi "),
            Segment::Mention { source: "@bob", username: Username::parse("bob").expect("a name") },
            Segment::Text(", see "),
            Segment::Link("https://example.net/a?b#c"),
            Segment::Text(". "),
            Segment::Tag { source: "#Rust", tag: Tag::parse("rust").expect("a tag") },
        ]
    );
    assert_eq!(segments("hello"), [Segment::Text("hello")]);
    assert_eq!(segments(""), []);
}

#[test]
fn a_mention_is_a_name_without_spaces() {
    assert_references(&[
        ("@bob", &["@bob"]),
        (".@bob: hi", &["@bob"]),
        ("(@bob)", &["@bob"]),
        ("\"@bob\"'s", &["@bob"]),
        ("@bob's and @ann.", &["@bob", "@ann"]),
        ("@Roger Histand", &["@Roger"]),
        ("@a.b-c_d", &["@a.b-c_d"]),
        ("@bob... @ann-- @eve..x", &["@bob", "@ann", "@eve"]),
        ("@žluť @李小龍 @ليلى @नमस्ते", &["@žluť", "@李小龍", "@ليلى", "@नमस्ते"]),
        ("@e\u{301}va", &["@éva"]),
        ("＠bob", &["@bob"]),
        ("a\n@bob\tb", &["@bob"]),
        ("@bob,@ann", &["@bob", "@ann"]),
        ("<b>@bob</b>", &["@bob"]),
        ("@bob\u{fe0f}", &["@bob"]),
        ("@bob\u{fe0f} @ann\u{200d}", &["@bob", "@ann"]),
        ("@bob\u{3164}x", &["@bob"]),
        ("@bob\u{34f}\u{e0100}", &["@bob"]),
        ("❤\u{fe0f}@bob 1\u{fe0f}\u{20e3}@ann", &["@bob", "@ann"]),
        ("@bob1\u{fe0f}\u{20e3}", &["@bob1"]),
        ("@葛\u{e0100}城", &["@葛\u{e0100}城"]),
    ]);
}

#[test]
fn an_email_address_or_a_sign_alone_is_no_mention() {
    let long = format!("@{}", "a".repeat(65));
    for text in [
        "bob@example.org",
        "bob.smith@example.org",
        "žluť@example.org",
        "@bob@example.org",
        "ask @logout, @settings or @public.atom",
        "social.example/@bob",
        "@",
        "@@bob",
        "@ bob",
        "@.",
        "@-bob",
        "@🦀",
        "a@",
        "#@bob",
        "x=@bob",
        "@\u{301}bob",
        "@bob\u{fe0f}x",
        "@\u{3164}",
        &long,
    ] {
        assert_eq!(references(text), [""; 0], "{text:?}");
    }
}

#[test]
fn a_tag_is_a_word_of_any_script() {
    assert_references(&[
        ("#rust", &["#rust"]),
        ("#Rust, #rust! (#rust)", &["#Rust", "#rust", "#rust"]),
        ("#rust-lang #node.js", &["#rust", "#node"]),
        ("#snake_case #2024goals #web2", &["#snake_case", "#2024goals", "#web2"]),
        ("#東京タワー、#한국어 #नमस्ते #العربية", &["#東京タワー", "#한국어", "#नमस्ते", "#العربية"]),
        ("#भारत।", &["#भारत"]),
        ("#می\u{200c}خواهم", &["#می\u{200c}خواهم"]),
        ("#rust\u{200d} #rust🦀", &["#rust", "#rust"]),
        ("＃東京", &["#東京"]),
        ("#a,#b", &["#a", "#b"]),
        ("<#rust>", &["#rust"]),
        ("#il·lusió #צה״ל, #ג׳ירפה", &["#il·lusió", "#צה״ל", "#ג׳ירפה"]),
        ("#ぼっち・ざ・ろっく！ #ﾎﾞｯﾁ･ｻﾞ", &["#ぼっち・ざ・ろっく", "#ﾎﾞｯﾁ･ｻﾞ"]),
        ("#བོད་ཡིག།", &["#བོད་ཡིག"]),
        ("#a· #b··c ・#d", &["#a", "#b", "#d"]),
        ("#a'b #c.d #e-f #g\u{387}h #i\u{2019}j", &["#a", "#c", "#e", "#g", "#i"]),
        ("#rust\u{fe0f} ❤\u{fe0f}#go", &["#rust", "#go"]),
    ]);
}

#[test]
fn a_number_a_reference_or_a_fragment_is_no_tag() {
    for text in [
        "#1",
        "#1_2",
        "#2024",
        "&#39;",
        "&#x27;",
        "a#b",
        "C#",
        "#",
        "##rust",
        "# rust",
        "#-a",
        "#_",
        "page.html#part",
        "/#/route",
        "ftp://a/#b",
        "?a=#b",
        "@#rust",
        "_#rust",
        "#🦀",
        "東京#タワー",
        "#\u{301}a",
        "#\u{3164}",
        "#1\u{fe0f}\u{20e3}",
        "#·a",
    ] {
        assert_eq!(references(text), [""; 0], "{text:?}");
    }
}

#[test]
fn a_link_ends_before_the_punctuation_of_its_sentence() {
    assert_references(&[
        ("http://a.example", &["http://a.example"]),
        ("HTTPS://A.example/B", &["HTTPS://A.example/B"]),
        ("see https://a.example/b.", &["https://a.example/b"]),
        ("https://a.example/b?!...", &["https://a.example/b"]),
        ("(https://a.example/b)", &["https://a.example/b"]),
        ("(see https://a.example/b_(c))", &["https://a.example/b_(c)"]),
        ("https://a.example/b_(c).", &["https://a.example/b_(c)"]),
        ("https://a.example/(b", &["https://a.example/(b"]),
        ("[https://a.example/[b]].", &["https://a.example/[b]"]),
        ("https://a.example/)])", &["https://a.example/"]),
        ("<https://a.example/b>", &["https://a.example/b"]),
        ("'https://a.example/b'", &["https://a.example/b"]),
        ("\"https://a.example/b\"", &["https://a.example/b"]),
        ("“https://a.example/b”", &["https://a.example/b"]),
        ("https://a.example/b#c", &["https://a.example/b#c"]),
        ("https://a.example/@bob/#tag", &["https://a.example/@bob/#tag"]),
        ("https://a.example?q=1&r=%20", &["https://a.example?q=1&r=%20"]),
        ("https://a.example:8080/~b/", &["https://a.example:8080/~b/"]),
        ("https://bücher.example/ö", &["https://bücher.example/ö"]),
        ("これhttps://a.example/を。", &["https://a.example/を"]),
        ("「https://a.example/」", &["https://a.example/"]),
        ("https://a.example/\u{202e}b", &["https://a.example/"]),
        ("https://a.example/ http://b", &["https://a.example/", "http://b"]),
        ("http://http://a", &["http://http://a"]),
        ("http://ahttp://b", &["http://ahttp://b"]),
        ("ht http https://a", &["https://a"]),
        ("https://a.example's", &["https://a.example"]),
        ("https://a.example's page, https://b's", &["https://a.example", "https://b"]),
        ("https://a.example/b's", &["https://a.example/b's"]),
        ("https://a.example:8080's", &["https://a.example:8080"]),
        ("https://a.example:b", &["https://a.example"]),
        ("https://a.example,b https://a=b", &["https://a.example", "https://a"]),
        ("https://a.example(b)", &["https://a.example"]),
        ("https://a.example:80,", &["https://a.example:80"]),
        ("http://[::1]", &["http://[::1]"]),
        ("http://[::1]:8080/a?b#c.", &["http://[::1]:8080/a?b#c"]),
        ("(http://[2001:db8::a])", &["http://[2001:db8::a]"]),
        ("[http://[::ffff:192.0.2.1]]", &["http://[::ffff:192.0.2.1]"]),
        ("http://[::1]'s http://[::1].", &["http://[::1]", "http://[::1]"]),
        ("https://user:pw@a.example/b", &["https://user:pw@a.example/b"]),
        ("https://user@[::1]/", &["https://user@[::1]/"]),
        ("https://a.example@", &["https://a.example"]),
        ("https://a.example\u{fe0f}/b", &["https://a.example"]),
        ("https://a.example/b\u{fe0f}c", &["https://a.example/b"]),
        ("https://a.example?b's", &["https://a.example?b's"]),
        ("https://a_b.example/", &["https://a_b.example/"]),
    ]);
}

#[test]
fn no_other_scheme_is_a_link() {
    for text in [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://a.example",
        "www.example.net",
        "a.example/b",
        "http:/a.example",
        "http://",
        "https://.",
        "https://?x",
        "http:// a",
        "xhttp://a",
        "git+https://a.example",
        "http://[::1",
        "http://[a.example]",
        "http://[]/",
        "http://'a",
    ] {
        assert_eq!(references(text), [""; 0], "{text:?}");
    }
}

#[test]
fn a_text_has_the_tags_of_its_segments() {
    let rust = Tag::parse("rust").expect("a tag");
    for text in ["#rust", "I like #RUST.", "#go,#Rust"] {
        assert!(has_tag(text, &rust), "{text}");
    }
    for text in ["rust", "#rustacean", "a#rust", "https://a.example/(#rust)", "#rusT\u{301}"] {
        assert!(!has_tag(text, &rust), "{text}");
    }
}

/// Texts dense with signs, words and punctuation.
fn dense_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[@#＠＃&/=.,:;!?()\\[\\]<>'\" _-]",
        "[a-zé東न\u{94d}\u{301}\u{200c}0-9]{1,3}",
        "[·・״་\u{fe0f}\u{200d}\u{3164}\u{e0100}]",
        "\\[[0-9a-f:]{0,4}\\]",
        "https?://",
        "\\PC",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_segments_together_equal_the_text(text in prop_oneof![dense_text(), any::<String>()]) {
        let segments = segments(&text);
        let together: String = segments.iter().map(Segment::source).collect();
        prop_assert_eq!(&together, &text);
        for pair in segments.windows(2) {
            prop_assert!(!matches!(pair, [Segment::Text(_), Segment::Text(_)]), "{:?}", pair);
        }
    }

    #[test]
    fn each_segment_parses_to_itself(text in dense_text()) {
        for segment in segments(&text) {
            prop_assert!(!segment.source().is_empty());
            match segment {
                Segment::Text(_) => {}
                Segment::Mention { source, username } => {
                    prop_assert!(source.starts_with(['@', '＠']));
                    prop_assert_eq!(Username::parse(username.as_str()), Ok(username));
                }
                Segment::Tag { source, tag } => {
                    prop_assert!(source.starts_with(['#', '＃']));
                    prop_assert_eq!(Tag::parse(tag.as_str()), Ok(tag));
                }
                Segment::Link(address) => {
                    let scheme = address.to_ascii_lowercase();
                    prop_assert!(scheme.starts_with("http://") || scheme.starts_with("https://"));
                    prop_assert!(!address.contains(['<', '>', '"', ' ', '\n']), "{}", address);
                }
            }
        }
    }
}
