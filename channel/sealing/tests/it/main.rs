//! The protocol from end to end, and everything that must be refused.

#[cfg(test)]
mod dishonest;
#[cfg(test)]
mod epochs;
#[cfg(test)]
mod forgery;
#[cfg(test)]
mod hpke_vectors;
#[cfg(test)]
mod negative;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod slots;
#[cfg(test)]
mod two_keys;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod world;
#[cfg(test)]
mod x_wing;
