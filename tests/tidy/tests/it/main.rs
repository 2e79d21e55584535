//! What the compiler does not check: who may depend on whom, what the pure crates must not
//! contain, and how large a file may grow.

#[cfg(test)]
mod edges;
#[cfg(test)]
mod files;
#[cfg(test)]
mod purity;

/// The root of the workspace.
#[cfg(test)]
fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
