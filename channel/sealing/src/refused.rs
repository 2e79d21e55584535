//! The one answer to everything that does not open.

use thiserror::Error;

/// It does not open. Says no more, whatever failed: the reason would help only an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("sealed order refused")]
pub struct Refused;
