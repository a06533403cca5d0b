//! Signing up, in and out.

use poem::{
    Response, Result, handler,
    web::{Data, Form},
};
use serde::Deserialize;

use crate::web::{
    extract::session::Viewer,
    failure::Failure,
    flash::Flash,
    pages::{LoginPage, RegisterPage},
    respond::{Responder, redirect},
};
use crate::{
    domain::{Invalid, Registration},
    service::{Error, ErrorKind, Origin, Service},
};

#[handler]
pub async fn login_form(Viewer(viewer): Viewer, responder: Responder) -> Result<Response, Failure> {
    if viewer.is_some() {
        return Ok(redirect("/"));
    }
    responder.page(&LoginPage { frame: responder.frame(None), ..LoginPage::default() })
}

#[derive(Deserialize)]
pub struct LoginFields {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

#[handler]
pub async fn login(
    Viewer(viewer): Viewer,
    Form(fields): Form<LoginFields>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    if viewer.is_some() {
        return Ok(redirect("/"));
    }
    let client = responder.sign_in_client();
    match service.sign_in(&fields.username, &fields.password, &client).await {
        Ok(token) => {
            responder.signed_in(&token, &client);
            Ok(responder.redirect_with("/", Flash::SignedIn))
        }
        Err(error) if error.kind() == ErrorKind::Invalid => responder.page(&LoginPage {
            frame: responder.frame(None),
            error: Some(error.to_string()),
            username: fields.username,
        }),
        Err(error) => Err(error.into()),
    }
}

#[handler]
pub async fn register_form(
    Viewer(viewer): Viewer,
    responder: Responder,
) -> Result<Response, Failure> {
    if viewer.is_some() {
        return Ok(redirect("/"));
    }
    responder.page(&RegisterPage { frame: responder.frame(None), ..RegisterPage::default() })
}

#[derive(Deserialize)]
pub struct RegisterFields {
    #[serde(default)]
    username: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    password2: String,
}

#[handler]
pub async fn register(
    Viewer(viewer): Viewer,
    Form(fields): Form<RegisterFields>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    if viewer.is_some() {
        return Ok(redirect("/"));
    }
    let origin = Origin::Address(responder.client.address);
    match sign_up(&service, &fields, origin).await {
        Ok(()) => Ok(responder.redirect_with("/login", Flash::SignedUp)),
        Err(error) if error.kind() == ErrorKind::Invalid => responder.page(&RegisterPage {
            frame: responder.frame(None),
            error: Some(error.to_string()),
            username: fields.username,
            email: fields.email,
        }),
        Err(error) => Err(error.into()),
    }
}

async fn sign_up(service: &Service, fields: &RegisterFields, origin: Origin) -> Result<(), Error> {
    let registration = Registration::parse(&fields.username, &fields.email, &fields.password)?;
    if fields.password != fields.password2 {
        return Err(Invalid::new("The two passwords do not match").into());
    }
    service.register(registration, origin).await
}

#[handler]
pub async fn logout(service: Data<&Service>, responder: Responder) -> Result<Response, Failure> {
    let sessions = responder.cookies.sessions();
    for token in &sessions {
        service.sign_out(token).await?;
    }
    if sessions.is_empty() {
        return Ok(responder.redirect_with("/public", Flash::SignedOut));
    }
    Ok(responder.signed_out(Flash::SignedOut))
}
