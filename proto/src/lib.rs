//! The words of causeway.v1: messages, services, conversions.
