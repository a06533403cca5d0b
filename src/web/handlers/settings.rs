//! The viewer's account: profile, password, sessions, and deletion.

use poem::{
    Response, Result, handler,
    http::StatusCode,
    web::{Data, Form},
};
use serde::Deserialize;

use crate::web::{
    extract::session::{OwnAccount, SignedIn},
    failure::Failure,
    flash::Flash,
    links::SETTINGS_PATH,
    pages::{DeleteAccountPage, Field, PasswordForm, ProfileForm, SettingsPage},
    respond::Responder,
};
use crate::{
    domain::{
        AccountChange, Bio, DisplayName, Email, Invalid, PasswordChange, PasswordRules,
        ProfileView, User, Weakness, is_blank,
    },
    service::{Error, Service},
};

#[handler]
pub async fn show(
    SignedIn(viewer): SignedIn,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    settings_page(&service, &responder, &viewer, StatusCode::OK, PasswordForm::default()).await
}

async fn settings_page(
    service: &Service,
    responder: &Responder,
    viewer: &User,
    status: StatusCode,
    password: PasswordForm,
) -> Result<Response, Failure> {
    let view = service.profile(viewer.username.clone(), Some(viewer.id)).await?;
    let frame = responder.frame(Some(viewer));
    let password_hint = service.password_rules().hint();
    let page = SettingsPage { frame, profile: view.into(), password, password_hint };
    responder.page_with_status(status, &page)
}

#[derive(Deserialize)]
pub struct ProfileFields {
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    bio: String,
    #[serde(default)]
    email: String,
}

impl ProfileFields {
    /// Returns the requested change, or the form with the errors of its fields. Accepts the display
    /// name and the e-mail address in `stored`, even if a rule for new ones forbids them.
    fn parse(self, stored: Option<&ProfileView>) -> Result<AccountChange, Box<ProfileForm>> {
        let stored_name = stored.and_then(|view| view.profile.display_name.as_ref());
        let parse_name = |raw: &str| match stored_name.filter(|name| name.as_str() == raw) {
            Some(name) => Ok(name.clone()),
            None => DisplayName::parse(raw),
        };
        // Browsers send an address without white space around it.
        let stored_email = stored.and_then(|view| view.email.as_ref());
        let parse_email = |raw: &str| match stored_email {
            Some(email) if email.as_str().trim() == raw.trim() => Ok(None),
            _ => Email::parse(raw).map(Some),
        };
        let (display_name, new_name) =
            Field::parse(self.display_name, |raw| unless_blank(raw, parse_name));
        // Browsers send each line feed as CR LF.
        let bio = self.bio.replace("\r\n", "\n");
        let (bio, new_bio) = Field::parse(bio, |raw| unless_blank(raw, Bio::parse));
        let (email, new_email) = Field::parse(self.email, parse_email);
        match (new_name, new_bio, new_email) {
            (Some(display_name), Some(bio), Some(email)) => Ok(AccountChange {
                email,
                display_name: Some(display_name),
                bio: Some(bio),
                password: None,
            }),
            _ => Err(Box::new(ProfileForm { display_name, bio, email })),
        }
    }
}

/// A blank field removes the value.
fn unless_blank<T>(
    raw: &str,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Result<Option<T>, Invalid> {
    if is_blank(raw) { Ok(None) } else { parse(raw).map(Some) }
}

#[handler]
pub async fn change_profile(
    OwnAccount(account): OwnAccount,
    Form(fields): Form<ProfileFields>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let is_valid = unless_blank(&fields.display_name, DisplayName::parse).is_ok()
        && Email::parse(&fields.email).is_ok();
    let viewer = &account.user;
    let stored = match is_valid {
        true => None,
        false => Some(service.profile(viewer.username.clone(), Some(viewer.id)).await?),
    };
    match fields.parse(stored.as_ref()) {
        Ok(change) => {
            service.change_account(account, change).await?;
            Ok(responder.redirect_with(SETTINGS_PATH, Flash::ProfileSaved))
        }
        Err(profile) => {
            let frame = responder.frame(Some(&account.user));
            let password_hint = service.password_rules().hint();
            let rest = SettingsPage::default();
            let page = SettingsPage { frame, profile: *profile, password_hint, ..rest };
            responder.page_with_status(StatusCode::BAD_REQUEST, &page)
        }
    }
}

#[derive(Deserialize)]
pub struct PasswordFields {
    #[serde(default)]
    current: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    repeated: String,
}

impl PasswordFields {
    /// Returns the requested change, or the form with the errors of its fields.
    fn parse(self, rules: &PasswordRules) -> Result<PasswordChange, Box<PasswordForm>> {
        let mut form = PasswordForm::default();
        let parsed = rules.parse(&self.new);
        if self.new != self.repeated {
            form.repeated = Field::rejected("The two passwords do not match");
        }
        match parsed {
            Ok(new) if form.repeated.error.is_none() => {
                Ok(PasswordChange { current: self.current, new })
            }
            Ok(_) => Err(Box::new(form)),
            Err(invalid) => Err(Box::new(PasswordForm { new: Field::rejected(invalid), ..form })),
        }
    }
}

/// Changes the password, which ends all other sessions of the viewer.
#[handler]
pub async fn change_password(
    OwnAccount(account): OwnAccount,
    Form(fields): Form<PasswordFields>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let viewer = account.user.clone();
    let form = match fields.parse(service.password_rules()) {
        Err(form) => *form,
        Ok(change) => {
            let client = responder.sign_in_client();
            let weakness = Weakness::of(&change.new);
            match service.change_password(account, change, client.clone()).await {
                Ok(token) => {
                    responder.signed_in(&token, &client);
                    let flashes = [Flash::PasswordChanged].into_iter();
                    let flashes = flashes.chain(weakness.map(Flash::from));
                    return Ok(responder.redirect_with_all(SETTINGS_PATH, flashes));
                }
                Err(error @ Error::WrongPassword) => {
                    PasswordForm { current: Field::rejected(error), ..PasswordForm::default() }
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    settings_page(&service, &responder, &viewer, StatusCode::BAD_REQUEST, form).await
}

/// Ends all sessions of the viewer, including this one.
#[handler]
pub async fn sign_out_everywhere(
    SignedIn(viewer): SignedIn,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    service.sign_out_everywhere(viewer.id).await?;
    Ok(responder.signed_out(Flash::SignedOutEverywhere))
}

#[handler]
pub fn delete_form(SignedIn(viewer): SignedIn, responder: Responder) -> Result<Response, Failure> {
    let frame = responder.frame(Some(&viewer));
    responder.page(&DeleteAccountPage { frame, ..DeleteAccountPage::default() })
}

#[derive(Deserialize)]
pub struct DeleteAccountFields {
    #[serde(default)]
    password: String,
}

#[handler]
pub async fn delete(
    OwnAccount(account): OwnAccount,
    Form(fields): Form<DeleteAccountFields>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let viewer = account.user.clone();
    match service.delete_account(account, &fields.password).await {
        Ok(()) => Ok(responder.signed_out(Flash::AccountDeleted)),
        Err(error @ Error::WrongPassword) => {
            let frame = responder.frame(Some(&viewer));
            let page = DeleteAccountPage { frame, password: Field::rejected(error) };
            responder.page_with_status(StatusCode::BAD_REQUEST, &page)
        }
        Err(error) => Err(error.into()),
    }
}
