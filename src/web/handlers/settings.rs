//! The own account: what one tells, the password, all sessions, and the end of it.

use poem::{
    Response, Result, handler,
    http::StatusCode,
    web::{Data, Form},
};
use serde::Deserialize;

use crate::web::{
    extract::session::{self, OwnAccount, SignedIn},
    failure::Failure,
    flash::Flash,
    links::SETTINGS_PATH,
    pages::{DeleteAccountPage, Field, PasswordForm, ProfileForm, SettingsPage},
    respond::Responder,
};
use crate::{
    domain::{AccountChange, Bio, DisplayName, Email, Invalid, Password, PasswordChange, User},
    service::{Error, Service},
};

/// All settings but the tokens.
#[handler]
pub(in crate::web) async fn all(
    SignedIn(viewer): SignedIn,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    show(&service, &responder, &viewer, StatusCode::OK, PasswordForm::default()).await
}

/// The page with the profile as it is kept.
async fn show(
    service: &Service,
    responder: &Responder,
    viewer: &User,
    status: StatusCode,
    password: PasswordForm,
) -> Result<Response, Failure> {
    let seen = service.profile(viewer.username.clone(), Some(viewer.id)).await?;
    let frame = responder.frame(Some(viewer));
    let page = SettingsPage { frame, profile: seen.into(), password };
    responder.page_with_status(status, &page)
}

#[derive(Deserialize)]
pub(in crate::web) struct ProfileFields {
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    bio: String,
    #[serde(default)]
    email: String,
}

impl ProfileFields {
    /// The change that the form asks for, or the form with what is wrong in it.
    fn parse(self) -> Result<AccountChange, Box<ProfileForm>> {
        let (display_name, new_name) =
            Field::parsed(self.display_name, |raw| unless_blank(raw, DisplayName::parse));
        // Browsers send a line's end as two characters, which would count as two.
        let bio = self.bio.replace("\r\n", "\n");
        let (bio, new_bio) = Field::parsed(bio, |raw| unless_blank(raw, Bio::parse));
        let (email, new_email) = Field::parsed(self.email, Email::parse);
        match (new_name, new_bio, new_email) {
            (Some(display_name), Some(bio), Some(email)) => Ok(AccountChange {
                email: Some(email),
                display_name: Some(display_name),
                bio: Some(bio),
                password: None,
            }),
            _ => Err(Box::new(ProfileForm { display_name, bio, email })),
        }
    }
}

/// What is left empty is taken away.
fn unless_blank<T>(
    raw: &str,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Result<Option<T>, Invalid> {
    if raw.trim().is_empty() { Ok(None) } else { parse(raw).map(Some) }
}

/// Changes what the viewer tells.
#[handler]
pub(in crate::web) async fn change_profile(
    OwnAccount(account): OwnAccount,
    Form(fields): Form<ProfileFields>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    match fields.parse() {
        Ok(change) => {
            service.change_account(account, change).await?;
            Ok(responder.redirect_with(SETTINGS_PATH, Flash::ProfileSaved))
        }
        Err(profile) => {
            let frame = responder.frame(Some(&account.user));
            let page = SettingsPage { frame, profile: *profile, ..SettingsPage::default() };
            responder.page_with_status(StatusCode::BAD_REQUEST, &page)
        }
    }
}

#[derive(Deserialize)]
pub(in crate::web) struct PasswordFields {
    #[serde(default)]
    current: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    repeated: String,
}

impl PasswordFields {
    /// The change that the form asks for, or the form with what is wrong in it.
    fn parse(self) -> Result<PasswordChange, Box<PasswordForm>> {
        let mut form = PasswordForm::default();
        match Password::parse(&self.new) {
            Err(refusal) => form.new = Field::refused(refusal),
            Ok(new) if self.new == self.repeated => {
                return Ok(PasswordChange { current: self.current, new });
            }
            Ok(_) => form.repeated = Field::refused("The two passwords do not match"),
        }
        Err(Box::new(form))
    }
}

/// Changes the viewer's password. Whoever else is signed in as the viewer no longer is.
#[handler]
pub(in crate::web) async fn change_password(
    OwnAccount(account): OwnAccount,
    Form(fields): Form<PasswordFields>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let viewer = account.user.clone();
    let refused = match fields.parse() {
        Err(form) => *form,
        Ok(change) => match service.change_password(account, change).await {
            Ok(token) => {
                session::begin(&responder.jar, &responder.client, &token);
                return Ok(responder.redirect_with(SETTINGS_PATH, Flash::PasswordChanged));
            }
            Err(refusal @ Error::WrongPassword) => {
                PasswordForm { current: Field::refused(refusal), ..PasswordForm::default() }
            }
            Err(failure) => return Err(failure.into()),
        },
    };
    show(&service, &responder, &viewer, StatusCode::BAD_REQUEST, refused).await
}

/// Ends all sessions of the viewer, this one with them.
#[handler]
pub(in crate::web) async fn sign_out_everywhere(
    SignedIn(viewer): SignedIn,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    service.sign_out_everywhere(viewer.id).await?;
    session::end(&responder.jar, &responder.client);
    Ok(responder.redirect_with("/public", Flash::SignedOutEverywhere))
}

/// Asks whether the account is to be deleted.
#[handler]
pub(in crate::web) fn ask_to_delete(
    SignedIn(viewer): SignedIn,
    responder: Responder,
) -> Result<Response, Failure> {
    let frame = responder.frame(Some(&viewer));
    responder.page(&DeleteAccountPage { frame, ..DeleteAccountPage::default() })
}

/// The proof that it is the owner who deletes an account.
#[derive(Deserialize)]
pub(in crate::web) struct Farewell {
    #[serde(default)]
    password: String,
}

/// Deletes the viewer's account.
#[handler]
pub(in crate::web) async fn delete(
    OwnAccount(account): OwnAccount,
    Form(farewell): Form<Farewell>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    let viewer = account.user.clone();
    match service.delete_account(account, &farewell.password).await {
        Ok(()) => {
            session::end(&responder.jar, &responder.client);
            Ok(responder.redirect_with("/public", Flash::AccountDeleted))
        }
        Err(refusal @ Error::WrongPassword) => {
            let frame = responder.frame(Some(&viewer));
            let page = DeleteAccountPage { frame, password: Field::refused(refusal) };
            responder.page_with_status(StatusCode::BAD_REQUEST, &page)
        }
        Err(failure) => Err(failure.into()),
    }
}
