//! A narrow, strict codec for the ISO 20022 messages Causeway reads and writes.
