//! The SDK from outside.

#[cfg(test)]
mod hostile_files;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod sealer;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod world;
