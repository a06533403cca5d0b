//! Following and unfollowing.

use super::{Error, Service, batch::Statement};
use crate::{
    db::{
        self, Database,
        follows::{self, FollowResult, NewFollow},
    },
    domain::{Cursor, Invalid, Page, Profile, Username},
    telemetry::metrics,
};

impl Service {
    /// Makes `follower` follow `followee`; nothing changes if it is so already.
    ///
    /// # Errors
    /// When they are one and the same, when either does not exist, or when the database fails.
    pub async fn follow(&self, follower: Username, followee: Username) -> Result<(), Error> {
        if follower == followee {
            return Err(Invalid::new("You cannot follow yourself").into());
        }
        let follow = NewFollow { follower: follower.clone(), followee: followee.clone() };
        let outcome = self.inner.follows.ask(follow).await?;
        known(outcome, follower, followee)
    }

    /// Makes `follower` no longer follow `followee`; nothing changes if it is so already.
    ///
    /// # Errors
    /// When either does not exist, or when the database fails.
    pub async fn unfollow(&self, follower: Username, followee: Username) -> Result<(), Error> {
        let service = self.clone();
        self.finish(async move {
            let outcome = follows::delete(service.database(), &follower, &followee).await?;
            known(outcome, follower, followee)?;
            metrics::unfollowed();
            Ok(())
        })
        .await
    }

    /// The first `limit` of those whom `follower` follows, oldest follow first.
    ///
    /// # Errors
    /// When there is no such follower, or when the database fails.
    pub async fn followees(&self, follower: Username, limit: u16) -> Result<Vec<Username>, Error> {
        follows::followees(self.database(), &follower, limit)
            .await?
            .ok_or(Error::UnknownUser(follower))
    }

    /// Those whom `follower` follows, newest follow first, after `before` or from the newest on.
    ///
    /// # Errors
    /// When there is no such follower, or when the database fails.
    pub async fn followee_profiles(
        &self,
        follower: Username,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Profile>, Error> {
        follows::followee_profiles(self.database(), &follower, before, limit)
            .await?
            .ok_or(Error::UnknownUser(follower))
    }

    /// Those who follow `followee`, likewise.
    ///
    /// # Errors
    /// When there is no such followee, or when the database fails.
    pub async fn follower_profiles(
        &self,
        followee: Username,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Profile>, Error> {
        follows::follower_profiles(self.database(), &followee, before, limit)
            .await?
            .ok_or(Error::UnknownUser(followee))
    }
}

fn known(outcome: FollowResult, follower: Username, followee: Username) -> Result<(), Error> {
    match outcome {
        FollowResult::Done => Ok(()),
        FollowResult::UnknownFollower => Err(Error::UnknownUser(follower)),
        FollowResult::UnknownFollowee => Err(Error::UnknownUser(followee)),
    }
}

/// Makes users follow.
pub(super) struct Following;

impl Statement for Following {
    type Request = NewFollow;
    type Answer = FollowResult;
    /// As of messages: beyond this a batch saves little more.
    const LARGEST: usize = 128;

    async fn run(
        &self,
        database: &Database,
        requests: &[NewFollow],
    ) -> Result<Vec<FollowResult>, db::Error> {
        let outcomes = follows::insert(database, requests).await?;
        let done = outcomes.iter().filter(|outcome| **outcome == FollowResult::Done).count();
        metrics::followed(done);
        Ok(outcomes)
    }
}
