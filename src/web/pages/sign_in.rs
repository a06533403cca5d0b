//! The forms to sign in and to sign up.

use serde::Serialize;

use super::frame::Frame;
use crate::web::templates::Page;

#[derive(Debug, Default, Serialize)]
pub struct LoginPage {
    pub frame: Frame,
    /// The reason why the last attempt failed.
    pub error: Option<String>,
    pub username: String,
}

impl Page for LoginPage {
    const TEMPLATE: &'static str = "login.html";
}

#[derive(Debug, Default, Serialize)]
pub struct RegisterPage {
    pub frame: Frame,
    /// The reason why the last attempt failed.
    pub error: Option<String>,
    pub username: String,
    pub email: String,
}

impl Page for RegisterPage {
    const TEMPLATE: &'static str = "register.html";
}
