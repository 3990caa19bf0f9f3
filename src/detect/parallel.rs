//! Work on several threads, with the results in the order of the tasks.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Things that are dear to make and free to use again: each user takes one and gives it back.
#[derive(Default)]
pub(crate) struct Store<T>(Mutex<Vec<T>>);

impl<T: Default> Store<T> {
    /// Lends `f` one of the things, or a new one if all are in use.
    pub(crate) fn lend<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // A user that panicked has not given its thing back: the list itself is sound.
        let take = || self.0.lock().unwrap_or_else(|poison| poison.into_inner()).pop();
        let mut thing = take().unwrap_or_default();
        let result = f(&mut thing);
        self.0.lock().unwrap_or_else(|poison| poison.into_inner()).push(thing);
        result
    }
}

/// Does the tasks `0..tasks`, with a thing from the store for each thread at work, on the threads of
/// the rayon pool that this is called in. Threads take the tasks in their order, so the longest should
/// come first; the results are in their order too, whichever thread made them.
pub(crate) fn run<T: Default + Send, R: Send>(
    threads: usize,
    tasks: usize,
    store: &Store<T>,
    task: impl Fn(&mut T, usize) -> R + Sync,
) -> Vec<R> {
    if threads <= 1 || tasks <= 1 {
        return store.lend(|thing| (0..tasks).map(|i| task(thing, i)).collect());
    }
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(tasks));
    rayon::scope(|scope| {
        for _ in 0..threads.min(tasks) {
            scope.spawn(|_| {
                store.lend(|thing| {
                    loop {
                        let i = next.fetch_add(1, Ordering::Relaxed);
                        if i >= tasks {
                            break;
                        }
                        let result = task(thing, i);
                        results.lock().unwrap_or_else(|poison| poison.into_inner()).push((i, result));
                    }
                });
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(|poison| poison.into_inner());
    results.sort_unstable_by_key(|&(i, _)| i);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_tasks() {
        let store = Store::<Vec<usize>>::default();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("a pool");
        for (threads, tasks) in [(1, 5), (3, 0), (3, 1), (3, 100), (8, 4)] {
            let results = pool.install(|| {
                run(threads, tasks, &store, |seen, i| {
                    seen.push(i);
                    i * i
                })
            });
            assert_eq!(results, (0..tasks).map(|i| i * i).collect::<Vec<_>>());
        }
    }
}
