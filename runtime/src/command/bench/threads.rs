//! Threads that a measurement waits for.

use std::thread::ScopedJoinHandle;

/// What a thread came to; its panic becomes the caller's.
pub fn joined<Outcome>(thread: ScopedJoinHandle<'_, anyhow::Result<Outcome>>) -> anyhow::Result<Outcome> {
    thread.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause))
}

/// Does something on a thread of its own, which can become one of its workers.
pub fn on_a_thread<Outcome: Send>(work: impl FnOnce() -> anyhow::Result<Outcome> + Send) -> anyhow::Result<Outcome> {
    std::thread::scope(|scope| joined(scope.spawn(work)))
}
