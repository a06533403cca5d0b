//! Signing up, in and out, on the pages.

mod cookies;
mod forms;
mod imported;
mod names;
mod password_rules;
mod passwords;
mod sessions;

use crate::support::actors::TestResponse;

/// The `Set-Cookie` headers of a cookie. The name is `stem`, an underscore and the name of the instance.
fn cookies<'a>(response: &'a TestResponse, stem: &str) -> Vec<&'a str> {
    let values = response.headers.get_all("set-cookie").iter();
    let values = values.map(|value| value.to_str().expect("text"));
    let is_meant = |name: &str| {
        let name = name.strip_prefix("__Host-").unwrap_or(name);
        name.rsplit_once('_').is_some_and(|(found, _)| found == stem)
    };
    values.filter(|value| value.split_once('=').is_some_and(|(name, _)| is_meant(name))).collect()
}

/// The session token that a response sets.
fn session_token(response: &TestResponse) -> String {
    let [cookie] = cookies(response, "session")[..] else { panic!("one session: {response:?}") };
    let value = cookie.split([';', '=']).nth(1).expect("a value");
    assert!(!value.is_empty(), "{cookie}");
    value.to_owned()
}
