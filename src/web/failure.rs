//! The errors of pages, with the status and the text for the visitor.

use poem::{error::ResponseError, http::StatusCode};

use super::{bidi::isolate, templates::TemplateError};
use crate::{
    domain::InvalidCursor,
    http::cross_site::CrossSite,
    service::{Error, ErrorKind},
};

const TAG_RULE: &str = "a tag is a single word with at least one letter";

#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Service(#[from] Error),
    #[error("You have to sign in to do this.")]
    SignedOut,
    #[error(transparent)]
    CrossSite(#[from] CrossSite),
    /// A link on one of the server's pages leads to a route that changes state.
    #[error("A link cannot do this. Please use the button on the page.")]
    FollowedLink,
    #[error("before: {0}.")]
    Cursor(#[from] InvalidCursor),
    /// The username in the path is malformed.
    #[error("There is no user named {0}.")]
    NoSuchUser(String),
    /// The tag in the path is malformed.
    #[error("There is no tag #{0}: {TAG_RULE}.")]
    NoSuchTag(String),
    #[error("no such file")]
    NoSuchFile,
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The server's routes are assembled wrongly.
    #[error("the request lacks the templates or the client's address")]
    MissingState,
}

impl ResponseError for Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Service(error) => match error.kind() {
                ErrorKind::Invalid => StatusCode::BAD_REQUEST,
                ErrorKind::Forbidden => StatusCode::FORBIDDEN,
                ErrorKind::NotFound => StatusCode::NOT_FOUND,
                ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
                ErrorKind::Busy | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::CrossSite(_) | Self::FollowedLink => StatusCode::FORBIDDEN,
            Self::Cursor(_) => StatusCode::BAD_REQUEST,
            Self::NoSuchUser(_) | Self::NoSuchTag(_) | Self::NoSuchFile => StatusCode::NOT_FOUND,
            Self::Template(_) | Self::MissingState => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Failure {
    /// The text for the visitor, if it is more specific than that of the status. Names in it are
    /// isolated.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::NoSuchUser(name) => {
                Some(Self::NoSuchUser(isolate(name).into_owned()).to_string())
            }
            Self::Service(Error::UnknownUser(name)) => Self::NoSuchUser(name.to_string()).text(),
            Self::NoSuchTag(tag) => {
                let tag = isolate(&format!("#{tag}")).into_owned();
                Some(format!("There is no tag {tag}: {TAG_RULE}."))
            }
            Self::Service(error)
                if !matches!(
                    error.kind(),
                    ErrorKind::Busy | ErrorKind::Unavailable | ErrorKind::Internal
                ) =>
            {
                Some(format!("{error}."))
            }
            Self::FollowedLink | Self::Cursor(_) => Some(self.to_string()),
            Self::CrossSite(reason) => Some(format!("{reason}.")),
            _ => None,
        }
    }
}
