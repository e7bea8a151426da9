//! Work done ahead of time, on threads, and handed over in order.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// A worker broke down instead of giving a result. The text is what it said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a thread of the data loader broke down ({0}); this is a fault of the program: please report it")]
pub struct WorkerPanic(pub String);

/// Results of jobs in the order of the jobs, whatever the number of threads.
///
/// At most `ahead` jobs are under way or done and waiting. Dropping it stops the threads after the job that each is at.
#[derive(Debug)]
pub struct Prefetcher<J: Iterator, T> {
    jobs: J,
    /// To the workers; `None` tells them to end.
    queue: Option<Sender<Order<J::Item, T>>>,
    /// One for each job under way, in order.
    results: VecDeque<Receiver<Result<T, WorkerPanic>>>,
    ahead: usize,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
}

/// A job, and where its result goes.
type Order<Job, T> = (Job, SyncSender<Result<T, WorkerPanic>>);

impl<J, T> Prefetcher<J, T>
where
    J: Iterator,
    J::Item: Send + 'static,
    T: Send + 'static,
{
    /// Begins with the jobs on `threads` threads (at least one), at most `ahead` jobs (at least one) before they are asked for.
    pub fn new(jobs: J, threads: usize, ahead: usize, prepare: impl Fn(J::Item) -> T + Send + Sync + 'static) -> Self {
        let (queue, orders) = channel::<Order<J::Item, T>>();
        let (orders, prepare) = (Arc::new(Mutex::new(orders)), Arc::new(prepare));
        let stop = Arc::new(AtomicBool::new(false));
        let worker = |_| {
            let (orders, prepare, stop) = (Arc::clone(&orders), Arc::clone(&prepare), Arc::clone(&stop));
            std::thread::spawn(move || work(&orders, &stop, &*prepare))
        };
        let workers = (0..threads.max(1)).map(worker).collect();
        let mut prefetcher = Self {
            jobs,
            queue: Some(queue),
            results: VecDeque::new(),
            ahead: ahead.max(1),
            stop,
            workers,
        };
        prefetcher.fill();
        prefetcher
    }

    /// Hands out jobs as long as few enough are under way.
    fn fill(&mut self) {
        while self.results.len() < self.ahead {
            let (Some(queue), Some(job)) = (&self.queue, self.jobs.next()) else {
                return;
            };
            let (sender, receiver) = sync_channel(1);
            if queue.send((job, sender)).is_ok() {
                self.results.push_back(receiver);
            }
        }
    }
}

/// Does orders until there are no more or it is time to stop.
fn work<Job, T>(orders: &Mutex<Receiver<Order<Job, T>>>, stop: &AtomicBool, prepare: &impl Fn(Job) -> T) {
    loop {
        let order = orders.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((job, result)) = order else { return };
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let done = catch_unwind(AssertUnwindSafe(|| prepare(job)));
        // Nobody listens any more where the prefetcher was dropped meanwhile.
        let _ = result.send(done.map_err(|panic| WorkerPanic(said(&*panic))));
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a word".to_owned())
}

impl<J, T> Iterator for Prefetcher<J, T>
where
    J: Iterator,
    J::Item: Send + 'static,
    T: Send + 'static,
{
    type Item = Result<T, WorkerPanic>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.results.pop_front()?.recv();
        self.fill();
        Some(result.unwrap_or_else(|_| Err(WorkerPanic("it ended before its work".to_owned()))))
    }
}

impl<J: Iterator, T> Drop for Prefetcher<J, T> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.queue = None;
        for worker in self.workers.drain(..) {
            // A worker's panic was told with its job.
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_panic_is_an_error_of_its_job_alone() {
        let prefetcher = Prefetcher::new(0..4, 2, 4, |job| if job == 1 { panic!("job {job}") } else { job });
        let results: Vec<_> = prefetcher.collect();
        assert_eq!(results, [Ok(0), Err(WorkerPanic("job 1".to_owned())), Ok(2), Ok(3)]);
    }

    #[test]
    fn no_more_is_begun_than_asked_for() {
        let begun = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&begun);
        let mut prefetcher = Prefetcher::new(0..100, 2, 5, move |job| {
            counter.fetch_add(1, Ordering::SeqCst);
            job
        });
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(begun.load(Ordering::SeqCst), 5);
        assert_eq!(prefetcher.next(), Some(Ok(0)));
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(begun.load(Ordering::SeqCst), 6);
    }

    #[test]
    fn dropping_it_ends_the_threads_without_doing_the_rest() {
        let begun = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&begun);
        let prefetcher = Prefetcher::new(0..1000, 2, 1000, move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(2));
        });
        drop(prefetcher);
        let done = begun.load(Ordering::SeqCst);
        assert!(done < 500, "{done}");
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(begun.load(Ordering::SeqCst), done);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn order_is_kept(delays in prop::collection::vec(0_u64..300, 0..40), threads in 0_usize..5, ahead in 0_usize..9) {
            let jobs = delays.clone().into_iter().enumerate();
            let prefetcher = Prefetcher::new(jobs, threads, ahead, |(index, delay)| {
                std::thread::sleep(Duration::from_micros(delay));
                index
            });
            let results: Result<Vec<_>, _> = prefetcher.collect();
            prop_assert_eq!(results.unwrap(), (0..delays.len()).collect::<Vec<_>>());
        }
    }
}
