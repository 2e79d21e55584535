//! Everything that reads bytes from outside, as functions of any bytes.
//!
//! What a [`Target`] is given is read as what its name says. It must be refused, or be something
//! that is written as the same bytes again; and nothing may panic. Where a checksum or a signature
//! would end the reading early, the target makes a good one over the bytes it is given, so that what
//! stands behind is reached.
//!
//! The tests of this crate run every target over any bytes and over changes of its seeds; `fuzz/`
//! runs the same under libFuzzer.

#![expect(clippy::unwrap_used, reason = "what does not hold must stop the run")]

mod answers;
mod books;
mod messages;
mod orders;
mod peers;
mod records;
mod sealed;
mod segments;
mod statements;
mod vectors;

/// One way in.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, also that of its binary in `fuzz/`.
    pub name: &'static str,
    /// Reads any bytes; whether they were accepted. Panics where what is read does not hold.
    pub run: fn(&[u8]) -> bool,
    /// Inputs that are accepted, to be changed.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 11] = [
    Target { name: "orders", run: orders::run, seeds: orders::seeds },
    Target { name: "statements", run: statements::run, seeds: statements::seeds },
    Target { name: "disclosures", run: statements::disclosure, seeds: statements::disclosures },
    Target { name: "sealed", run: sealed::run, seeds: sealed::seeds },
    Target { name: "agreements", run: sealed::agree, seeds: sealed::agreements },
    Target { name: "records", run: records::run, seeds: records::seeds },
    Target { name: "books", run: books::run, seeds: books::seeds },
    Target { name: "messages", run: messages::run, seeds: messages::seeds },
    Target { name: "segments", run: segments::run, seeds: segments::seeds },
    Target { name: "answers", run: answers::run, seeds: answers::seeds },
    Target { name: "peers", run: peers::run, seeds: peers::seeds },
];

/// Runs the target of this name; there must be one. Whether it accepted the bytes.
pub fn run(name: &str, bytes: &[u8]) -> bool {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap().run)(bytes)
}

/// The bytes of hex digits; what is no digit is passed over.
fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.as_chunks::<2>().0.iter().map(|pair| byte(pair)).collect()
}
