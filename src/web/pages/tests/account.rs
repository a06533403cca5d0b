//! Settings, tokens, and the end of an account.

use super::*;
use crate::{
    domain::{ApiToken, Email, KeyCursor, ProfileView, TokenId, TokenName, TokenRecord},
    service::NewToken,
};

fn token(called: &str) -> TokenRecord {
    TokenRecord {
        id: TokenId(7),
        name: TokenName::from_stored(called.to_owned()),
        created_at: datetime!(2020-02-21 00:21 UTC),
        expires_at: datetime!(2020-05-21 00:21 UTC),
    }
}

fn token_form(name: Field, password: Field) -> TokenForm {
    TokenForm { name, days: 90, choices: &[7, 90], password }
}

fn tokens(form: TokenForm, items: Vec<TokenRecord>) -> String {
    let next = items.last().map(|token| KeyCursor(token.id.0));
    rendered(&TokensPage::new(signed_in("bob"), form, domain::Page { items, next }))
}

/// Each page, in each state.
pub(super) fn pages(frame: &Frame) -> Vec<String> {
    let frame = || frame.clone();
    let refused = || Field { value: HOSTILE.into(), error: Some(HOSTILE.into()) };
    let profile = ProfileForm { display_name: refused(), bio: refused(), email: refused() };
    let password = PasswordForm {
        current: Field::refused(HOSTILE),
        new: Field::refused(HOSTILE),
        repeated: Field::refused(HOSTILE),
    };
    let record = token(HOSTILE);
    let page = domain::Page { items: vec![record.clone()], next: Some(KeyCursor(7)) };
    let form = token_form(refused(), Field::refused(HOSTILE));
    let new = NewToken { secret: ApiToken::new([7; 32]), record };
    vec![
        rendered(&SettingsPage { frame: frame(), ..SettingsPage::default() }),
        rendered(&SettingsPage { frame: frame(), profile, password }),
        rendered(&TokensPage::new(frame(), form, page)),
        rendered(&NewTokenPage::new(frame(), &new)),
        rendered(&DeleteAccountPage { frame: frame(), ..DeleteAccountPage::default() }),
        rendered(&DeleteAccountPage { frame: frame(), password: Field::refused(HOSTILE) }),
    ]
}

#[test]
fn the_settings_hold_what_is_kept() {
    let seen = ProfileView {
        profile: profile(HOSTILE),
        counts: counts(0),
        followed: false,
        email: Some(Email::from_stored("bob@example.org".to_owned())),
    };
    let html = rendered(&SettingsPage {
        frame: signed_in("bob"),
        profile: seen.into(),
        password: PasswordForm::default(),
    });
    assert_contains(
        &html,
        &[
            &format!("name=\"display_name\" value=\"{HOSTILE_ESCAPED}\""),
            &format!("dir=\"auto\">\n{HOSTILE_ESCAPED}</textarea>"),
            "name=\"email\" value=\"bob@example.org\"",
            "<form class=\"card\" action=\"/settings/profile\" method=\"post\" novalidate>",
            "<form class=\"card\" action=\"/settings/password\" method=\"post\">",
            "<form class=\"card\" action=\"/settings/sessions/end\" method=\"post\">",
            "<a href=\"/settings/tokens\">",
            "<a href=\"/settings/account/delete\">",
        ],
    );
    assert!(!html.contains("class=\"error\"") && !html.contains("autofocus"), "{html}");
}

#[test]
fn a_rule_stands_at_the_field_that_breaks_it() {
    let refused =
        |value: &str, error: &str| Field { value: value.into(), error: Some(error.into()) };
    let profile = ProfileForm { email: refused("nowhere", "No address"), ..ProfileForm::default() };
    let page = SettingsPage { frame: signed_in("bob"), profile, ..SettingsPage::default() };
    assert_contains(
        &rendered(&page),
        &[
            "<label for=\"email\">E-mail address</label>\n<p class=\"error\" id=\"email-error\">No address</p>\n<input id=\"email\" type=\"email\" name=\"email\" value=\"nowhere\" autocomplete=\"email\" aria-invalid=\"true\" aria-describedby=\"email-error\" autofocus>",
        ],
    );
    let html = tokens(token_form(Field::holding("phone"), Field::refused("Wrong")), Vec::new());
    assert_contains(
        &html,
        &[
            "<p class=\"error\" id=\"password-error\">Wrong</p>",
            "name=\"password\" value=\"\"",
            "name=\"name\" value=\"phone\"",
            "<option value=\"90\" selected>90 days</option>",
            "<li><em>You have no tokens.</em></li>",
        ],
    );
}

#[test]
fn a_token_is_listed_without_its_secret_and_shown_with_it_once() {
    let record = token("Bob's phone");
    let form = token_form(Field::default(), Field::default());
    let new = NewToken { secret: ApiToken::new([7; 32]), record: record.clone() };
    let listed = tokens(form, vec![record]);
    assert_contains(
        &listed,
        &[
            "<strong>Bob&#39;s phone</strong>",
            "Made <time datetime=\"2020-02-21\">21 February 2020</time>, ends <time datetime=\"2020-05-21\">21 May 2020</time>",
            "<form action=\"/settings/tokens/7/revoke\" method=\"post\"><button class=\"quiet\" aria-label=\"Revoke Bob&#39;s phone\">Revoke</button></form>",
            "<a href=\"/settings/tokens?before=7\" rel=\"next\">Older tokens</a>",
        ],
    );
    assert!(!listed.contains(&new.secret.expose()));
    let shown = rendered(&NewTokenPage::new(signed_in("bob"), &new));
    let code = format!("<code class=\"secret\">{}</code>", new.secret.expose());
    assert_contains(&shown, &[&code, "21 May 2020"]);
}
