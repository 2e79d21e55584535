//! The SDK from outside.

#[cfg(test)]
mod keys;
#[cfg(test)]
mod sealer;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod world;
