//! The parts of a request's path: a user's name, a message's key, a tag.

use poem::{FromRequest, Request, RequestBody, Result, web::Path};

use crate::{
    domain::{Tag, Username},
    service::Error,
    web::failure::Failure,
};

/// The name in the path of a request. A malformed one is nobody's: the request is answered 404.
pub(in crate::web) struct PathName(pub(in crate::web) Username);

impl<'a> FromRequest<'a> for PathName {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let Path(name) = Path::<String>::from_request(request, body).await?;
        let username = Username::parse(&name).map_err(|_| Failure::NoSuchUser(name))?;
        Ok(Self(username))
    }
}

/// The key of a message in the path of a request, as [`message_path`](crate::web::links::message_path) writes it. What is none is no
/// message's: the request is answered 404.
pub(in crate::web) struct PathMessage(pub(in crate::web) i64);

impl<'a> FromRequest<'a> for PathMessage {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let Path(key) = Path::<String>::from_request(request, body).await?;
        let id: Option<i64> = key.parse().ok().filter(|id: &i64| id.to_string() == key);
        Ok(Self(id.ok_or(Failure::Service(Error::UnknownMessage))?))
    }
}

/// The tag in the path of a request. What is none is on no message: the request is answered 404.
pub(in crate::web) struct PathTag(pub(in crate::web) Tag);

impl<'a> FromRequest<'a> for PathTag {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let Path(raw) = Path::<String>::from_request(request, body).await?;
        Ok(Self(Tag::parse(&raw).map_err(|_| Failure::NoSuchTag(raw))?))
    }
}
