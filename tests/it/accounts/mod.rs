//! Signing up, in and out, on the pages.

mod forms;
mod sessions;

use crate::support::actors::TestResponse;

/// The `Set-Cookie` headers for this cookie.
fn cookies<'a>(response: &'a TestResponse, name: &str) -> Vec<&'a str> {
    let values = response.headers.get_all("set-cookie").iter();
    let values = values.map(|value| value.to_str().expect("text"));
    values.filter(|value| value.split_once('=').is_some_and(|(key, _)| key == name)).collect()
}

/// The session token that a response sets.
fn session_token(response: &TestResponse) -> String {
    let [cookie] = cookies(response, "session")[..] else { panic!("one session: {response:?}") };
    let value = cookie.split([';', '=']).nth(1).expect("a value");
    assert!(!value.is_empty(), "{cookie}");
    value.to_owned()
}
