//! The node as its operators meet it: real processes on real directories.

mod commands;
mod crash;
mod damage;
mod drain;
mod duplicates;
mod full_disk;
mod rig;
