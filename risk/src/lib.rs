//! The limits: pure checks on participants, exposure and velocity.
