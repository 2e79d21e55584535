//! The gRPC edge: identity, validation, receipts, reads.
