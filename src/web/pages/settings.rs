//! What somebody changes of the own account.

use serde::Serialize;

use super::{
    Field, Frame,
    profile::{shown_bio, shown_name},
};
use crate::{
    domain::{Email, ProfileView},
    web::templates::Page,
};

/// All settings but the tokens.
#[derive(Debug, Default, Serialize)]
pub struct SettingsPage {
    /// What every page has.
    pub frame: Frame,
    /// What the user tells.
    pub profile: ProfileForm,
    /// What the user signs in with.
    pub password: PasswordForm,
}

/// The form of what a user tells.
#[derive(Debug, Default, Serialize)]
pub struct ProfileForm {
    /// How the user wants to be called.
    pub display_name: Field,
    /// What the user tells.
    pub bio: Field,
    /// Where to reach the user.
    pub email: Field,
}

impl From<ProfileView> for ProfileForm {
    fn from(seen: ProfileView) -> Self {
        Self {
            display_name: Field::holding(shown_name(&seen.profile).unwrap_or_default()),
            bio: Field::holding(shown_bio(&seen.profile).unwrap_or_default()),
            email: Field::holding(seen.email.as_ref().map(Email::as_str).unwrap_or_default()),
        }
    }
}

/// The form of a new password. It never comes back with one in it.
#[derive(Debug, Default, Serialize)]
pub struct PasswordForm {
    /// The password until now.
    pub current: Field,
    /// The new one.
    pub new: Field,
    /// The new one again.
    pub repeated: Field,
}

impl Page for SettingsPage {
    const TEMPLATE: &'static str = "settings.html";
}

/// The question whether an account is to be deleted.
#[derive(Debug, Default, Serialize)]
pub struct DeleteAccountPage {
    /// What every page has.
    pub frame: Frame,
    /// The account's password, asked for once more.
    pub password: Field,
}

impl Page for DeleteAccountPage {
    const TEMPLATE: &'static str = "delete_account.html";
}
