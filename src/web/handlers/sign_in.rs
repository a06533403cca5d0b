//! Signing up, in and out.

use poem::{
    Response, Result, handler,
    web::{Data, Form},
};
use serde::Deserialize;

use crate::web::{
    extract::session::{self, Viewer},
    failure::Failure,
    flash::Flash,
    pages::{LoginPage, RegisterPage},
    respond::{Responder, redirect},
};
use crate::{
    domain::{Invalid, Registration},
    service::{Error, ErrorKind, Origin, Service},
};

/// The form to sign in.
#[handler]
pub(in crate::web) async fn login_form(
    Viewer(viewer): Viewer,
    responder: Responder,
) -> Result<Response, Failure> {
    if viewer.is_some() {
        return Ok(redirect("/"));
    }
    responder.page(&LoginPage { frame: responder.frame(None), ..LoginPage::default() })
}

#[derive(Deserialize)]
pub(in crate::web) struct LoginForm {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

/// Signs somebody in.
#[handler]
pub(in crate::web) async fn login(
    Viewer(viewer): Viewer,
    Form(form): Form<LoginForm>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    if viewer.is_some() {
        return Ok(redirect("/"));
    }
    let origin = Origin::Address(responder.client.address);
    match service.sign_in(&form.username, &form.password, origin).await {
        Ok(token) => {
            session::begin(&responder.jar, &responder.client, &token);
            Ok(responder.redirect_with("/", Flash::SignedIn))
        }
        Err(refusal) if refusal.kind() == ErrorKind::Invalid => responder.page(&LoginPage {
            frame: responder.frame(None),
            error: Some(refusal.to_string()),
            username: form.username,
        }),
        Err(failure) => Err(failure.into()),
    }
}

/// The form to sign up.
#[handler]
pub(in crate::web) async fn register_form(
    Viewer(viewer): Viewer,
    responder: Responder,
) -> Result<Response, Failure> {
    if viewer.is_some() {
        return Ok(redirect("/"));
    }
    responder.page(&RegisterPage { frame: responder.frame(None), ..RegisterPage::default() })
}

#[derive(Deserialize)]
pub(in crate::web) struct RegisterForm {
    #[serde(default)]
    username: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    password2: String,
}

/// Signs somebody up.
#[handler]
pub(in crate::web) async fn register(
    Viewer(viewer): Viewer,
    Form(form): Form<RegisterForm>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    if viewer.is_some() {
        return Ok(redirect("/"));
    }
    let origin = Origin::Address(responder.client.address);
    match sign_up(&service, &form, origin).await {
        Ok(()) => Ok(responder.redirect_with("/login", Flash::SignedUp)),
        Err(refusal) if refusal.kind() == ErrorKind::Invalid => responder.page(&RegisterPage {
            frame: responder.frame(None),
            error: Some(refusal.to_string()),
            username: form.username,
            email: form.email,
        }),
        Err(failure) => Err(failure.into()),
    }
}

async fn sign_up(service: &Service, form: &RegisterForm, origin: Origin) -> Result<(), Error> {
    let registration = Registration::parse(&form.username, &form.email, &form.password)?;
    if form.password != form.password2 {
        return Err(Invalid::new("The two passwords do not match").into());
    }
    service.register(registration, origin).await
}

/// Signs whoever it is out.
#[handler]
pub(in crate::web) async fn logout(
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    if let Some(token) = session::token(&responder.jar) {
        service.sign_out(&token).await?;
        session::end(&responder.jar, &responder.client);
    }
    Ok(responder.redirect_with("/public", Flash::SignedOut))
}
