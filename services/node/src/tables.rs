//! What a process does with the store: writes it, follows it, or neither.

use std::sync::Arc;

use anyhow::{Context, Result};
use bus::Log;
use projector::{Feed, FollowOptions, Follower, Options, Projector, Reader};
use store::Store;

use crate::config::{Role, Roles};

/// The thread that works on the store, if there is one.
pub(crate) enum Tables {
    /// Projects.
    Written(Projector),
    /// Takes note of what others project.
    Followed(Follower),
    /// Only snapshots are read and written, by the settler.
    Unread,
}

/// Where outcomes go, and who answers from the store, in a process that has use for it.
pub(crate) type Ends = Option<(Feed, Reader)>;

impl Tables {
    /// Starts what the roles need.
    ///
    /// # Errors
    /// The store is not this pool's, or cannot be read.
    pub(crate) fn start(
        roles: &Roles,
        (store, log): (Arc<dyn Store>, Arc<dyn Log>),
        pool: u32,
    ) -> Result<(Self, Ends)> {
        if roles.has(Role::Projector) {
            let started = Projector::start(store, log, pool, &Options::default());
            let (projector, feed, reader) = started.context("cannot start the projector")?;
            return Ok((Self::Written(projector), Some((feed, reader))));
        }
        if roles.has(Role::Gateway) {
            let started = Follower::start(store, log, pool, &FollowOptions::default());
            let (follower, feed, reader) = started.context("cannot follow the store")?;
            return Ok((Self::Followed(follower), Some((feed, reader))));
        }
        Ok((Self::Unread, None))
    }

    /// Waits no more for a store that takes nothing.
    pub(crate) fn give_up(&self) {
        if let Self::Written(projector) = self {
            projector.give_up();
        }
    }

    /// Ends it, once what was handed in is written.
    pub(crate) fn stop(self) {
        match self {
            Self::Written(projector) => projector.stop(),
            Self::Followed(follower) => follower.stop(),
            Self::Unread => {}
        }
    }
}
