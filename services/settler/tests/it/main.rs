//! The settler on a real log, store and projector.

mod halt;
mod proposals;
mod restore;
mod ticks;
mod world;
