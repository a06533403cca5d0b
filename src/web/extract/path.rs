//! Extractors for parts of the path. A malformed part is 404, because nothing with that name exists.

use poem::{FromRequest, Request, RequestBody, Result, web::Path};

use crate::{
    domain::{Tag, Username},
    service::Error,
    web::failure::Failure,
};

pub struct PathName(pub Username);

impl<'a> FromRequest<'a> for PathName {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let Path(name) = Path::<String>::from_request(request, body).await?;
        Ok(Self(Username::parse(&name).map_err(|_| Failure::NoSuchUser(name))?))
    }
}

/// The id of a message in canonical form: `07` and `+7` are 404.
pub struct PathMessage(pub i64);

impl<'a> FromRequest<'a> for PathMessage {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let Path(raw) = Path::<String>::from_request(request, body).await?;
        let id: Option<i64> = raw.parse().ok().filter(|id: &i64| id.to_string() == raw);
        Ok(Self(id.ok_or(Failure::Service(Error::UnknownMessage))?))
    }
}

pub struct PathTag(pub Tag);

impl<'a> FromRequest<'a> for PathTag {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let Path(raw) = Path::<String>::from_request(request, body).await?;
        Ok(Self(Tag::parse(&raw).map_err(|_| Failure::NoSuchTag(raw))?))
    }
}
