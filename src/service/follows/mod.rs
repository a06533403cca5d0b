//! Following and unfollowing.

pub(super) mod statement;

use super::{error::Error, state::Service};
use crate::{
    db::{
        Class,
        follows::{self, FollowResult, NewFollow},
    },
    domain::{Cursor, Invalid, Page, Profile, User, Username},
    telemetry::metrics,
};

impl Service {
    /// Makes a signed-in user follow `followee`. Changes nothing if the follow exists.
    ///
    /// Returns an error if a rate limit is exceeded, a user does not exist or both are the same.
    pub async fn follow_as(&self, follower: User, followee: Username) -> Result<(), Error> {
        self.inner.limits.check_change(follower.id)?;
        self.follow(follower.username, followee).await
    }

    /// Deletes the follow of `followee` by a signed-in user. Changes nothing if there is none.
    ///
    /// Returns an error if a rate limit is exceeded or a user does not exist.
    pub async fn unfollow_as(&self, follower: User, followee: Username) -> Result<(), Error> {
        self.inner.limits.check_change(follower.id)?;
        self.unfollow(follower.username, followee).await
    }

    /// Makes `follower` follow `followee`, without a rate limit. Changes nothing if the follow
    /// exists.
    ///
    /// Returns an error if a user does not exist or both are the same.
    pub async fn follow(&self, follower: Username, followee: Username) -> Result<(), Error> {
        if follower == followee {
            return Err(Invalid::new("You cannot follow yourself").into());
        }
        let follow = NewFollow { follower: follower.clone(), followee: followee.clone() };
        let outcome = self.inner.follows.submit(follow).await?;
        require_known(outcome, follower, followee)
    }

    /// Deletes the follow of `followee` by `follower`, without a rate limit. Changes nothing if there
    /// is none.
    ///
    /// Returns an error if a user does not exist.
    pub async fn unfollow(&self, follower: Username, followee: Username) -> Result<(), Error> {
        let service = self.clone();
        self.finish(async move {
            let outcome = follows::delete(service.database(), &follower, &followee).await?;
            require_known(outcome, follower, followee)?;
            metrics::unfollowed();
            Ok(())
        })
        .await
    }

    /// The first `limit` followees of `follower`, oldest follow first, for the simulator.
    pub async fn followees(&self, follower: Username, limit: u16) -> Result<Vec<Username>, Error> {
        follows::followees(&self.reads(Class::SimulatorReads), &follower, limit)
            .await?
            .ok_or(Error::UnknownUser(follower))
    }

    /// The followees of `follower`, newest follow first, after the cursor `before`.
    pub async fn followee_profiles(
        &self,
        follower: Username,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Profile>, Error> {
        follows::followee_profiles(&self.reads(Class::Lists), &follower, before, limit)
            .await?
            .ok_or(Error::UnknownUser(follower))
    }

    /// The followers of `followee`, newest follow first, after the cursor `before`.
    pub async fn follower_profiles(
        &self,
        followee: Username,
        before: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Profile>, Error> {
        follows::follower_profiles(&self.reads(Class::Lists), &followee, before, limit)
            .await?
            .ok_or(Error::UnknownUser(followee))
    }
}

fn require_known(
    outcome: FollowResult,
    follower: Username,
    followee: Username,
) -> Result<(), Error> {
    match outcome {
        FollowResult::Done => Ok(()),
        FollowResult::UnknownFollower => Err(Error::UnknownUser(follower)),
        FollowResult::UnknownFollowee => Err(Error::UnknownUser(followee)),
    }
}
