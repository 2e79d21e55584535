//! How large a message may be. Everything above is refused, never cut.

/// Bytes of a whole message, header and envelope included: 1 MiB.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Elements within each other. The deepest message this crate knows needs fewer.
pub const DEPTH_MAX: usize = 32;

/// Elements of a whole message.
pub const ELEMENTS_MAX: usize = 100_000;

/// Attributes of one element, namespace declarations included.
pub const ATTRIBUTES_MAX: usize = 16;

/// Characters of the text of one element.
pub const TEXT_CHARS_MAX: usize = 10_000;

/// Transfers of one message.
pub const TRANSFERS_MAX: u16 = 1_000;

/// Bytes of one view of a payment: what the largest bucket of `ppc/1` holds.
pub const VIEW_BYTES_MAX: usize = 8_192;
