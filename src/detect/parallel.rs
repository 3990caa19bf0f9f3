//! Work on several threads, with the results in the order of the tasks.

use std::sync::Mutex;

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

/// Does a task for each slot, with a thing from the store for each thread at work, on the threads of the
/// rayon pool that this is called in. Threads take the slots in their order, so the longest task should
/// come first; what a task gives stands in its slot, whichever thread did it.
pub(crate) fn run<T: Default + Send, R: Send>(
    threads: usize,
    store: &Store<T>,
    slots: &mut [R],
    task: impl Fn(&mut T, usize, &mut R) + Sync,
) {
    let threads = threads.min(slots.len());
    if threads == 0 {
        return;
    }
    let left = Mutex::new(slots.iter_mut().enumerate());
    let work = || {
        store.lend(|thing| {
            loop {
                let next = left.lock().unwrap_or_else(|poison| poison.into_inner()).next();
                let Some((i, slot)) = next else { break };
                task(thing, i, slot);
            }
        });
    };
    together(threads, &work);
}

/// Calls `work` the given number of times at once. Joins allocate nothing, unlike a scope.
fn together(times: usize, work: &(impl Fn() + Sync)) {
    if times <= 1 {
        return work();
    }
    rayon::join(|| together(times / 2, work), || together(times - times / 2, work));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_slots_of_the_tasks() {
        let store = Store::<Vec<usize>>::default();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("a pool");
        for (threads, tasks) in [(1, 5), (3, 0), (3, 1), (3, 100), (8, 4)] {
            let mut results = vec![0; tasks];
            pool.install(|| {
                run(threads, &store, &mut results, |seen, i, result| {
                    seen.push(i);
                    *result = i * i;
                });
            });
            assert_eq!(results, (0..tasks).map(|i| i * i).collect::<Vec<_>>());
        }
    }
}
