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
    links::own_path,
    pages::{Field, Frame, LoginPage, RegisterPage, SignInField, SignInForm, WrittenText},
    respond::{Responder, redirect},
    written::{Written, store, stores_text},
};
use crate::{
    domain::{Email, Invalid, Registration, User, Username, Weakness},
    service::{Error, ErrorKind, Origin, Service},
};

#[handler]
pub async fn login_form(Viewer(viewer): Viewer, responder: Responder) -> Result<Response, Failure> {
    if viewer.is_some() {
        return Ok(redirect("/"));
    }
    let mut sign_in = SignInForm::default();
    if let Some(username) = responder.new_user() {
        sign_in = SignInForm { username, focus: Some(SignInField::Password), ..sign_in };
    }
    responder.page(&LoginPage { frame: responder.frame(None), sign_in })
}

#[derive(Deserialize)]
pub struct LoginFields {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    /// The path to go to; that of a form with a text if there is one.
    #[serde(default)]
    next: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    key: String,
}

impl LoginFields {
    /// The text to store after signing in.
    fn written(&self) -> Option<WrittenText> {
        let is_text = stores_text(&self.next) && !self.text.is_empty();
        is_text.then(|| WrittenText {
            action: self.next.clone(),
            text: self.text.replace("\r\n", "\n"),
            key: self.key.clone(),
        })
    }

    fn destination(&self) -> Option<&str> {
        own_path(&self.next)
    }

    /// The form again, after a sign-in with this error.
    fn rejected(self, error: &Error) -> SignInForm {
        let focus = match error {
            Error::WrongUsername => SignInField::Username,
            _ => SignInField::Password,
        };
        SignInForm {
            error: Some(error.to_string()),
            focus: Some(focus),
            next: self.destination().map(str::to_owned),
            written: self.written(),
            username: self.username,
        }
    }
}

/// Signs in, and goes on to where the user was going.
#[handler]
pub async fn login(
    Viewer(viewer): Viewer,
    Form(fields): Form<LoginFields>,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response> {
    if let Some(viewer) = viewer {
        return match fields.written() {
            Some(written) => store_text(&service, &responder, viewer, written, []).await,
            None => Ok(redirect(fields.destination().unwrap_or("/"))),
        };
    }
    let client = responder.sign_in_client();
    match service.sign_in(&fields.username, &fields.password, &client).await {
        Ok(token) => {
            responder.signed_in(&token, &client);
            let Some(written) = fields.written() else {
                let path = fields.destination().unwrap_or("/");
                return Ok(responder.redirect_with(path, Flash::SignedIn));
            };
            let session = service.first_session([token]).await.map_err(Failure::from)?;
            let (_, account) = session.ok_or(Failure::SignedOut)?;
            store_text(&service, &responder, account.user, written, [Flash::SignedIn]).await
        }
        Err(error) if error.kind() == ErrorKind::Invalid => {
            let sign_in = fields.rejected(&error);
            Ok(responder.page(&LoginPage { frame: responder.frame(None), sign_in })?)
        }
        Err(error) => Err(with_text(error.into(), fields.written(), true)),
    }
}

/// Stores the text that a user wrote before signing in.
async fn store_text(
    service: &Service,
    responder: &Responder,
    viewer: User,
    written: WrittenText,
    flashes: impl IntoIterator<Item = Flash>,
) -> Result<Response> {
    match store(&written, service, viewer).await {
        Ok((path, flash)) => {
            let flashes = flashes.into_iter().chain([flash]);
            Ok(responder.redirect_with_all(&path, flashes))
        }
        Err(failure) => Err(with_text(failure, Some(written), false)),
    }
}

/// The error of a request with a text.
fn with_text(failure: Failure, text: Option<WrittenText>, signs_in: bool) -> poem::Error {
    let mut error = poem::Error::from(failure);
    if let Some(text) = text {
        error.set_data(Written { text, signs_in });
    }
    error
}

#[handler]
pub async fn register_form(
    Viewer(viewer): Viewer,
    service: Data<&Service>,
    responder: Responder,
) -> Result<Response, Failure> {
    if viewer.is_some() {
        return Ok(redirect("/"));
    }
    let password_hint = service.password_rules().hint();
    let frame = responder.frame(None);
    responder.page(&RegisterPage { frame, password_hint, ..RegisterPage::default() })
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
        Ok(weakness) => {
            let flashes = [Flash::SignedUpAs(fields.username)].into_iter();
            Ok(responder.redirect_with_all("/login", flashes.chain(weakness.map(Flash::from))))
        }
        Err(error) if error.kind() == ErrorKind::Invalid => {
            let page = rejected(&service, responder.frame(None), fields, &error).await?;
            responder.page(&page)
        }
        Err(error) => Err(error.into()),
    }
}

const MISMATCH: &str = "The two passwords do not match";

/// The form again, with the reason for each wrong field. `error` is the first reason.
async fn rejected(
    service: &Service,
    frame: Frame,
    fields: RegisterFields,
    error: &Error,
) -> Result<RegisterPage, Failure> {
    let (mut username, name) = Field::parse(fields.username, Username::parse_new);
    if let Some(name) = name
        && service.is_username_taken(&name).await?
    {
        username.error = Some(Error::UsernameTaken.to_string());
    }
    let (email, _) = Field::parse(fields.email, Email::parse);
    let password = service.password_rules().parse(&fields.password).err().map(Field::rejected);
    let mismatch = (fields.password != fields.password2).then(|| Field::rejected(MISMATCH));
    Ok(RegisterPage {
        frame,
        error: Some(error.to_string()),
        username,
        email,
        password: password.unwrap_or_default(),
        password_hint: service.password_rules().hint(),
        password2: mismatch.unwrap_or_default(),
    })
}

/// Registers a user. Returns the weakness of an accepted password.
async fn sign_up(
    service: &Service,
    fields: &RegisterFields,
    origin: Origin,
) -> Result<Option<Weakness>, Error> {
    let RegisterFields { username, email, password, .. } = fields;
    let rules = service.password_rules();
    let registration = Registration::parse_under(rules, username, email, password)?;
    if fields.password != fields.password2 {
        return Err(Invalid::new(MISMATCH).into());
    }
    let weakness = Weakness::of(&registration.password);
    service.register(registration, origin).await?;
    Ok(weakness)
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
