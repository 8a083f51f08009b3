//! Passwords are hashed by threads of their own: as many as there are cores, so that no flood of sign-ins takes
//! more memory than that many hashes. On threads that come and go, each would leave its 19 MiB behind with the
//! allocator.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use tokio::sync::oneshot;

use super::Error;

type Job = Box<dyn FnOnce() + Send>;

/// The threads, by what leads to them; they end when this is dropped.
pub(super) struct Hashing {
    jobs: Sender<Job>,
}

impl Hashing {
    pub(super) fn new() -> Self {
        let (jobs, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for _ in 0..workers {
            let waiting = Arc::clone(&waiting);
            thread::spawn(move || work(&waiting));
        }
        Self { jobs }
    }

    /// Runs `job` in turn.
    ///
    /// # Errors
    /// [`Error::Broken`] when it ended unexpectedly.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (done, answer) = oneshot::channel();
        let ended = || Error::Broken("password hashing ended unexpectedly".to_owned());
        // Whoever asked may be gone meanwhile.
        let job = Box::new(move || drop(done.send(job())));
        self.jobs.send(job).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())
    }
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // The next one is not to suffer for it; the asker hears of it by its closed channel.
        drop(catch_unwind(AssertUnwindSafe(job)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_fails_leaves_the_others_alone() {
        let hashing = Hashing::new();
        for _ in 0..64 {
            let failed = hashing.run(|| panic!("on purpose")).await;
            assert!(failed.is_err_and(|error: Error| error.to_string().contains("hashing")));
        }
        let hashing = &hashing;
        let all = futures_util::future::join_all((0..64).map(|n| hashing.run(move || n))).await;
        let all: Result<Vec<_>, _> = all.into_iter().collect();
        assert_eq!(all.expect("answers"), (0..64).collect::<Vec<_>>());
    }
}
