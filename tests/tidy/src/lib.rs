//! Checks the dependency edges and the purity rules of the workspace; see `tests/`.
