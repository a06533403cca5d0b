//! The forms to sign in and to sign up.

use serde::Serialize;

use super::{field::Field, frame::Frame, written_text::WrittenText};
use crate::web::templates::Page;

#[derive(Debug, Default, Serialize)]
pub struct LoginPage {
    pub frame: Frame,
    pub sign_in: SignInForm,
}

/// The form to sign in, shown by the template `sign_in.html`. Pages have it in their field `sign_in`.
#[derive(Debug, Default, Serialize)]
pub struct SignInForm {
    /// The reason why the last attempt failed.
    pub error: Option<String>,
    pub username: String,
    /// The field that has the focus.
    pub focus: Option<SignInField>,
    /// The path to show after signing in.
    pub next: Option<String>,
    /// A text to store after signing in.
    pub written: Option<WrittenText>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInField {
    Username,
    Password,
}

impl Page for LoginPage {
    const TEMPLATE: &'static str = "login.html";
}

#[derive(Debug, Default, Serialize)]
pub struct RegisterPage {
    pub frame: Frame,
    /// The first reason why the last attempt failed. Each field has its own.
    pub error: Option<String>,
    pub username: Field,
    pub email: Field,
    pub password: Field,
    pub password_hint: String,
    pub password2: Field,
}

impl Page for RegisterPage {
    const TEMPLATE: &'static str = "register.html";
}
