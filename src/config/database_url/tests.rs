//! Tests of the URL's forms.

use proptest::prelude::*;

use super::*;

/// The decoded driver URL of a URL.
fn driver(url: &str) -> String {
    let url = DatabaseUrl::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    let text = url.driver_url().expose().to_owned();
    percent_encoding::percent_decode_str(&text).decode_utf8().expect("UTF-8").into_owned()
}

#[test]
fn each_form_is_read() {
    for (url, expected) in [
        ("postgres://h/d", "host=h&dbname=d"),
        ("postgresql://h", "host=h"),
        ("POSTGRES://h/", "host=h"),
        ("postgres://", ""),
        ("postgres:///d", "dbname=d"),
        ("postgres://u@/d", "user=u&dbname=d"),
        ("postgres://u:p@/d", "user=u&password=p&dbname=d"),
        ("postgres://u@:5433/d", "port=5433&user=u&dbname=d"),
        ("postgres://u:@h/d", "host=h&user=u&dbname=d"),
        ("postgres://:p@h/d", "host=h&password=p&dbname=d"),
        ("postgres://u:p:q@h:1/d", "host=h&port=1&user=u&password=p:q&dbname=d"),
        ("postgres://u:p%40%2F%3F%23%25@h/d", "host=h&user=u&password=p@/?#%&dbname=d"),
        ("postgres://u:%E2%82%AC€@h/d", "host=h&user=u&password=€€&dbname=d"),
        ("postgres://u:a+b@h/d?password=c+d", "host=h&user=u&password=c+d&dbname=d"),
        ("postgres://[::1]:5432/d", "host=::1&port=5432&dbname=d"),
        ("postgres://u@[2001:db8::7]/d", "host=2001:db8::7&user=u&dbname=d"),
        ("postgres://[::ffff:127.0.0.1]", "host=::ffff:127.0.0.1"),
        ("postgres:///d?host=::1", "host=::1&dbname=d"),
        ("postgres://x/d?hostaddr=127.0.0.1", "host=127.0.0.1&dbname=d"),
        ("postgres://%2Frun%2Fpg/d", "host=/run/pg&dbname=d"),
        ("postgres://u@%2Frun%2Fpg:5433/d", "host=/run/pg&port=5433&user=u&dbname=d"),
        ("postgres://u@/d?host=/run/pg", "host=/run/pg&user=u&dbname=d"),
        ("postgres:///?user=u&dbname=d&port=7", "port=7&user=u&dbname=d"),
        ("postgres://h/d%20x/y", "host=h&dbname=d x/y"),
        ("  postgres://h/d\r\n", "host=h&dbname=d"),
        ("postgres://h/d?sslmode=Require&", "host=h&dbname=d&sslmode=require"),
        ("postgres://h/d?ssl=true", "host=h&dbname=d&sslmode=require"),
        ("postgres://h/d?ssl-ca=/ca", "host=h&dbname=d&sslrootcert=/ca"),
        ("postgres://h/d?sslrootcert=system", "host=h&dbname=d&sslmode=verify-full"),
        ("postgres://h?options=-c%20a=b&options[c]=d", "host=h&options=-c a=b&options[c]=d"),
        ("postgres://h/d?connect_timeout=3", "host=h&dbname=d"),
    ] {
        assert_eq!(driver(url), format!("postgres:?{expected}"), "{url}");
    }
}

#[test]
fn each_wrong_form_is_rejected_with_its_remedy() {
    for (url, expected) in [
        ("", "is empty"),
        (" \n", "is empty"),
        ("\"postgres://h/d\"", "quotation marks"),
        ("'postgres://h/d'", "quotation marks"),
        ("host=h password=hunter2", "key=value"),
        ("password = 'hunter2://'", "key=value"),
        ("hunter2", "postgres://"),
        ("postgres:h/hunter2", "postgres://"),
        ("mysql://u:hunter2@h/d", "mysql://"),
        ("jdbc:postgresql://h/d?password=hunter2", "jdbc:postgresql://"),
        ("sqlite:///hunter2", "sqlite://"),
        ("hunter2:a@b://h", "postgres://"),
        ("postgres://u:hunter2@h1,h2/d", "several hosts"),
        ("postgres://u:hunter2@h1:1,h2:2/d", "several hosts"),
        ("postgres://[::1],[::2]/d", "several hosts"),
        ("postgres://u:hunter2@/d?host=a,b", "several hosts"),
        ("postgres://u:hunter2@a%2Cb/d", "several hosts"),
        ("postgres://h/d?port=1,2", "several hosts"),
        ("postgres://h/d?hostaddr=::1,::2", "several hosts"),
        ("postgres://u:hunter2@[fe80::1%25eth0]/d", "zone ids"),
        ("postgres://u:hunter2@[fe80::1%eth0]/d", "zone ids"),
        ("postgres:///d?host=fe80::1%25eth0", "zone ids"),
        ("postgres://u:hunter2@[::1/d", "brackets"),
        ("postgres://u:hunter2@[::1]5432/d", "brackets"),
        ("postgres://[127.0.0.1]/d", "brackets"),
        ("postgres://u:hunter2@::1/d", "brackets"),
        ("postgres://u:hunter2@h:0/d", "from 1 to 65535"),
        ("postgres://u:hunter2@h:65536/d", "from 1 to 65535"),
        ("postgres://u:hunter2@h:+1/d", "from 1 to 65535"),
        ("postgres://u:hunter2@h:port/d", "from 1 to 65535"),
        ("postgres://h/d?port=x", "from 1 to 65535"),
        ("postgres://u:hun?ter2@h/d", "percent-encode"),
        ("postgres://u:12?ter2@h/d", "percent-encode"),
        ("postgres://u:hun/ter2@h/d", "percent-encode"),
        ("postgres://u:12/ter2@h/d", "percent-encode"),
        ("postgres://u:hun#ter2@h/d", "percent-encode"),
        ("postgres://u:hun@ter2@h/d", "percent-encode"),
        ("postgres://u:hun%ter2@h/d", "percent-encode"),
        ("postgres://u:hunter2%@h/d", "percent-encode"),
        ("postgres://u:hunter2%e9@h/d", "percent-encode"),
        ("postgres://u:hun ter2@h/d", "percent-encode"),
        ("postgres://u:hun\tter2@h/d", "percent-encode"),
        ("postgres://u:hunter2/h/d", "percent-encode"),
        ("postgres://u:hunter2@h\\d", "percent-encode"),
        ("postgres://h/d?user=u@hunter2", "percent-encode"),
        ("postgres://u:hunter2%00@h/d", "%00"),
        ("postgres://h/d?sslmode=hunter2", "verify-full"),
        ("postgres://h/d?ssl=hunter2", "must be true"),
        ("postgres://h/d?statement-cache-capacity=hunter2", "a number"),
        ("postgres://h/d?hostaddr=hunter2", "an IP address"),
        ("postgres://h/d?sslmod=hunter2", "sslmod "),
        ("postgres://h/d?pasword=hunter2", "pasword "),
        ("postgres://h/d?password=x&hunter2", "parameter 2"),
        ("postgres://h/d?password=x&hunter2=y", "parameter 2"),
        ("postgres://h/d?sslpassword=x&hunter2=y", "parameter 2"),
        ("postgres://h/d?a=b&hunter2", "the parameter a "),
        ("postgres://h/d?sslrootcert=system&sslmode=require", "verify-full"),
    ] {
        let error = DatabaseUrl::parse(url).expect_err(url).to_string();
        assert!(error.contains(expected), "{url}: {error}");
        assert!(!error.contains("hunter2") && !error.contains("ter2"), "{url}: {error}");
        assert!(!error.contains('\n'), "{url}: {error}");
    }
}

#[test]
fn ignored_parameters_are_known_by_name() {
    let url = "postgres://h/d?sslpassword=hunter2&sslmode=prefer&connect_timeout=3";
    let url = DatabaseUrl::parse(url).expect("valid");
    assert_eq!(url.ignored(), ["sslpassword", "connect_timeout"]);
    assert!(!url.driver_url().expose().contains("hunter2"));
}

proptest! {
    /// Every password can be written, and no printable form shows it.
    #[test]
    fn an_encoded_password_is_read_and_never_shown(password in "[^\\x00]{1,40}") {
        let encoded = utf8_percent_encode(&password, NON_ALPHANUMERIC);
        for text in [
            format!("postgres://u:{encoded}@h/d"),
            format!("postgres://u@[::1]:1/d?password={encoded}"),
        ] {
            let url = DatabaseUrl::parse(&text).expect("valid");
            prop_assert_eq!(url.password().map(Secret::expose), Some(password.as_str()));
            let shown = format!("{url} {url:?} {:?}", url.driver_url());
            prop_assert!(password.len() < 8 || !shown.contains(&password), "{}", shown);
        }
    }

    /// No error shows a raw secret, wherever it is.
    #[test]
    fn no_error_shows_a_raw_secret(
        secret in "[!-~]{3}HUNTER[!-~]{3}",
        form in prop::sample::select(vec![
            "postgres://u:{}@h/d", "postgres://{}@h/d", "postgres://u:p@h/d?password={}",
            "postgres://u:p@h/d?sslpassword={}", "mysql://u:{}@h/d", "host=h password={}",
            "postgres:u:{}@h", "postgres://u:p@h/d?sslkey={}",
        ]),
    ) {
        if let Err(error) = DatabaseUrl::parse(&form.replace("{}", &secret)) {
            prop_assert!(!error.to_string().contains("HUNTER"), "{}", error);
        }
    }
}
