//! The signed bytes: round trips, every refusal, and vectors that other languages check against.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod envelopes;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod vectors;
