//! The settings of the viewer's account, and its deletion.

use serde::Serialize;

use super::{
    field::Field,
    frame::Frame,
    profile::{bio, display_name},
};
use crate::{
    domain::{Email, ProfileView},
    web::templates::Page,
};

/// All settings except the tokens.
#[derive(Debug, Default, Serialize)]
pub struct SettingsPage {
    pub frame: Frame,
    pub profile: ProfileForm,
    pub password: PasswordForm,
    pub password_hint: String,
}

#[derive(Debug, Default, Serialize)]
pub struct ProfileForm {
    pub display_name: Field,
    pub bio: Field,
    pub email: Field,
}

impl From<ProfileView> for ProfileForm {
    fn from(view: ProfileView) -> Self {
        Self {
            display_name: Field::with_value(display_name(&view.profile).unwrap_or_default()),
            bio: Field::with_value(bio(&view.profile).unwrap_or_default()),
            email: Field::with_value(view.email.as_ref().map(Email::as_str).unwrap_or_default()),
        }
    }
}

/// The form to change the password. It never shows a password that was entered.
#[derive(Debug, Default, Serialize)]
pub struct PasswordForm {
    pub current: Field,
    pub new: Field,
    pub repeated: Field,
}

impl Page for SettingsPage {
    const TEMPLATE: &'static str = "settings.html";
}

/// Asks for the password before the account is deleted.
#[derive(Debug, Default, Serialize)]
pub struct DeleteAccountPage {
    pub frame: Frame,
    pub password: Field,
}

impl Page for DeleteAccountPage {
    const TEMPLATE: &'static str = "delete_account.html";
}
