//! What becomes of a node in which a thread has panicked: it ends.

/// Ends the process if it is dropped by a panic. First local of every thread that others rely on.
///
/// A panic is a bug, and what such a thread leaves behind is not known. A node without the thread
/// would look alive, take payments and never answer; one that ends is started again and reads its
/// log. By then the panic's message is on stderr: the hook ran before anything was dropped.
#[derive(Debug)]
#[must_use = "it watches over the scope that it lives in"]
pub struct EndOnPanic;

impl Drop for EndOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
