//! All data of one user, page by page, for a download.

use std::time::Duration;

use super::{
    error::{Error, ErrorKind},
    state::Service,
};
use crate::domain::{Cursor, Message, Profile, ProfileView, User, Username};

/// Items per statement. Small enough for the time-out of a read, and for the memory of many downloads.
const PAGE: u16 = 500;

/// A download that has begun waits while the server is busy, instead of ending incomplete.
const RETRIES: u32 = 30;
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// A download. Each page is one statement, so an open download occupies no connection between its pages, and a
/// change during the download may or may not be part of it.
pub struct OwnData {
    service: Service,
    username: Username,
    view: ProfileView,
    next: Option<Position>,
}

/// Where the next page starts.
#[derive(Debug, Clone, Copy)]
enum Position {
    Messages(Option<Cursor>),
    Following(Option<Cursor>),
    Followers(Option<Cursor>),
}

/// Data of a user. Pages of a kind follow each other, in this order.
#[derive(Debug)]
pub enum DataPage {
    /// Messages by the user, newest first, without flagged ones.
    Messages(Vec<Message>),
    /// Users whom the user follows, newest follow first.
    Following(Vec<Profile>),
    /// Users who follow the user, newest follow first.
    Followers(Vec<Profile>),
}

impl Service {
    /// Begins a download of the data of `user`.
    ///
    /// Returns an error if the account has begun too many downloads.
    pub async fn own_data(&self, user: &User) -> Result<OwnData, Error> {
        self.inner.limits.check_download(user.id)?;
        let view = self.profile(user.username.clone(), Some(user.id)).await?;
        Ok(OwnData {
            service: self.clone(),
            username: user.username.clone(),
            view,
            next: Some(Position::Messages(None)),
        })
    }
}

impl OwnData {
    /// The profile, with the e-mail address.
    pub fn profile(&self) -> &ProfileView {
        &self.view
    }

    /// The next page; `None` after the last one. At least one page of each kind is returned, which may be empty.
    ///
    /// Returns an error if the user was deleted, or if the server stays busy.
    pub async fn next_page(&mut self) -> Result<Option<DataPage>, Error> {
        let Some(position) = self.next else { return Ok(None) };
        let mut attempt = 0;
        let (page, next) = loop {
            match self.read(position).await {
                Err(error)
                    if attempt < RETRIES
                        && matches!(error.kind(), ErrorKind::Busy | ErrorKind::Unavailable) =>
                {
                    attempt += 1;
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                result => break result?,
            }
        };
        self.next = next;
        Ok(Some(page))
    }

    /// The next messages, newest first; `None` after the last ones. Reads nothing else.
    ///
    /// Returns an error like [`Self::next_page`].
    pub async fn next_messages(&mut self) -> Result<Option<Vec<Message>>, Error> {
        if !matches!(self.next, Some(Position::Messages(_))) {
            return Ok(None);
        }
        let page = self.next_page().await?;
        Ok(page.and_then(|page| match page {
            DataPage::Messages(messages) => Some(messages),
            _ => None,
        }))
    }

    async fn read(&self, position: Position) -> Result<(DataPage, Option<Position>), Error> {
        let name = self.username.clone();
        Ok(match position {
            Position::Messages(before) => {
                let page = self.service.author_timeline(name, None, before, PAGE).await?.page;
                let more = page.next.map(|cursor| Position::Messages(Some(cursor)));
                (DataPage::Messages(page.items), more.or(Some(Position::Following(None))))
            }
            Position::Following(before) => {
                let page = self.service.followee_profiles(name, before, PAGE).await?;
                let more = page.next.map(|cursor| Position::Following(Some(cursor)));
                (DataPage::Following(page.items), more.or(Some(Position::Followers(None))))
            }
            Position::Followers(before) => {
                let page = self.service.follower_profiles(name, before, PAGE).await?;
                let more = page.next.map(|cursor| Position::Followers(Some(cursor)));
                (DataPage::Followers(page.items), more)
            }
        })
    }
}
