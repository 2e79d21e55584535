//! What is wrong with a file, where, and what to do about it.

use std::fmt;

/// Input that cannot be netted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InputError {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 if it is the file as a whole.
    pub line: u64,
    /// The column or field; empty if it is none in particular.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}; {}", self.problem, self.fix)
    }
}

/// Where in the input something stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: u64,
}

impl At<'_> {
    /// The file without its folders.
    pub(crate) fn file_name(&self) -> &str {
        self.file.rsplit('/').next().unwrap_or(self.file)
    }

    pub(crate) fn error(
        self,
        field: &str,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> InputError {
        InputError {
            file: self.file.to_owned(),
            line: self.line,
            field: field.to_owned(),
            problem: problem.into(),
            fix: fix.into(),
        }
    }
}
