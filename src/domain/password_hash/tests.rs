//! Tests of the forms and bounds of hashes.

use proptest::prelude::*;

use super::*;

const BCRYPT: &str = "$2b$10$MiniTwitSeededAccountenGWRW3NveATznNP/7jUluvqO62U7ByC";

fn parsed(text: &str) -> PasswordHash {
    PasswordHash::parse(text).expect(text)
}

/// A hash of werkzeug with a key of `bytes` bytes.
fn werkzeug(method: &str, bytes: usize) -> String {
    format!("{method}$Sa1t+/.${}", "0a".repeat(bytes))
}

#[test]
fn a_hash_of_each_scheme_is_stored_and_read_unchanged() {
    let key = STANDARD.encode([7; 70]);
    let predecessor = PasswordHash::parse_predecessor(&key, "c2FsdA==").expect("valid");
    assert_eq!(predecessor.expose(), format!("c2FsdA==${key}"));
    let hashes = [
        (parsed(BCRYPT), "bcrypt"),
        (parsed(&werkzeug("pbkdf2:sha256:50000", 32)), "werkzeug_pbkdf2"),
        (parsed(&werkzeug("pbkdf2:sha1:1000", 20)), "werkzeug_pbkdf2"),
        (parsed(&werkzeug("pbkdf2:sha512:1000000", 64)), "werkzeug_pbkdf2"),
        (parsed(&werkzeug("scrypt:32768:8:1", 64)), "werkzeug_scrypt"),
        (predecessor, "predecessor_pbkdf2"),
    ];
    for (hash, scheme) in hashes {
        assert_eq!(hash.scheme(), scheme);
        let stored = PasswordHash::from_stored(scheme, hash.expose()).expect(scheme);
        assert_eq!((stored.scheme(), stored.expose()), (scheme, hash.expose()));
        let other = if scheme == "bcrypt" { "werkzeug_scrypt" } else { "bcrypt" };
        assert!(PasswordHash::from_stored(other, hash.expose()).is_err(), "{scheme}");
    }
}

#[test]
fn other_forms_of_the_same_hash_are_stored_in_one_form() {
    let upper = werkzeug("pbkdf2:sha256:050000", 32).replace("0a", "0A");
    assert_eq!(parsed(&upper).expose(), werkzeug("pbkdf2:sha256:50000", 32));
    let key = format!(" {}\n", STANDARD.encode([7; 70]));
    assert!(PasswordHash::parse_predecessor(&key, "\tc2FsdA== ").is_ok());
}

#[test]
fn a_hash_that_is_too_costly_is_rejected() {
    for text in [
        BCRYPT.replace("$10$", "$17$"),
        BCRYPT.replace("$10$", "$31$"),
        werkzeug("pbkdf2:sha256:2000001", 32),
        werkzeug("pbkdf2:sha256:99999999999999999999", 32),
        werkzeug("scrypt:262144:8:1", 64),
        werkzeug("scrypt:4294967296:8:1", 64),
        werkzeug("scrypt:32768:9:1", 64),
        werkzeug("scrypt:32768:8:5", 64),
        werkzeug("scrypt:2:8:4294967295", 64),
    ] {
        assert_eq!(PasswordHash::parse(&text).expect_err(&text), InvalidHash::TooCostly, "{text}");
    }
    assert!(PasswordHash::parse(&BCRYPT.replace("$10$", "$16$")).is_ok());
    assert!(PasswordHash::parse(&werkzeug("pbkdf2:sha256:2000000", 32)).is_ok());
    assert!(PasswordHash::parse(&werkzeug("scrypt:131072:8:4", 64)).is_ok());
}

#[test]
fn a_malformed_hash_is_rejected() {
    for text in [
        "$2b$10$short".to_owned(),
        format!("{BCRYPT}a"),
        BCRYPT.replace("$2b$", "$2c$"),
        BCRYPT.replace("$10$", "$03$"),
        BCRYPT.replace("$10$", "$1$"),
        BCRYPT.replace('/', "é"),
        werkzeug("pbkdf2:sha256:0", 32),
        werkzeug("pbkdf2:sha256:-1", 32),
        werkzeug("pbkdf2:sha256:+1", 32),
        werkzeug("pbkdf2:sha256", 32),
        werkzeug("pbkdf2:sha256:1:1", 32),
        werkzeug("pbkdf2:sha256:1000", 31),
        werkzeug("scrypt:32767:8:1", 64),
        werkzeug("scrypt:1:8:1", 64),
        werkzeug("scrypt:0:8:1", 64),
        werkzeug("scrypt:32768:0:1", 64),
        werkzeug("scrypt:32768:8:0", 64),
        werkzeug("scrypt:32768:8", 64),
        werkzeug("scrypt:32768:8:1", 63),
        werkzeug("pbkdf2:sha256:1000", 32).replace("Sa1t+/.", ""),
        werkzeug("pbkdf2:sha256:1000", 32).replace("Sa1t", "sa lt"),
        werkzeug("pbkdf2:sha256:1000", 32).replace("Sa1t", &"s".repeat(129)),
        werkzeug("pbkdf2:sha256:1000", 32) + "0",
        werkzeug("pbkdf2:sha256:1000", 32) + "$00",
        werkzeug("pbkdf2:sha256:1000", 31) + "+a",
    ] {
        assert_eq!(PasswordHash::parse(&text).expect_err(&text), InvalidHash::Malformed, "{text}");
    }
    for text in ["", "secret", "sha1$salt$abc", "md5:1", &werkzeug("pbkdf2:md5:1000", 16)] {
        let error = PasswordHash::parse(text).expect_err(text);
        assert_eq!(error, InvalidHash::UnknownScheme, "{text}");
    }
    let key = STANDARD.encode([7; 70]);
    for (key, salt) in [
        (STANDARD.encode([7; 69]), "c2FsdA=="),
        (key.clone(), ""),
        (key.clone(), "c2FsdA="),
        (key.clone(), "no base64"),
        ("plain text".to_owned(), "c2FsdA=="),
        (key, &STANDARD.encode([7; 514])),
    ] {
        assert!(PasswordHash::parse_predecessor(&key, salt).is_err(), "{key} {salt}");
    }
}

#[test]
fn debug_output_and_errors_hide_the_hash() {
    assert_eq!(format!("{:?}", parsed(BCRYPT)), "PasswordHash(bcrypt, …)");
    let error = PasswordHash::parse("hunter2").expect_err("no hash");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(text in any::<String>(), other in any::<String>()) {
        let _ = PasswordHash::parse(&text);
        let _ = PasswordHash::parse_predecessor(&text, &other);
    }

    #[test]
    fn each_accepted_text_has_one_stored_form(
        text in r"(pbkdf2:(sha1|sha256|sha512):[0-9]{1,8}|scrypt:(32768|2|[0-9]{1,7}):[0-9]:[0-9])\$[!-~]{1,20}\$([0-9a-fA-F]{40}|[0-9a-f]{64}|[0-9a-f]{128})"
    ) {
        if let Ok(hash) = PasswordHash::parse(&text) {
            let stored = PasswordHash::from_stored(hash.scheme(), hash.expose()).expect("valid");
            prop_assert_eq!(stored.expose(), hash.expose());
        }
    }
}
