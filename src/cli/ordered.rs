//! Work in parallel, results in order, memory bounded.

use std::collections::BTreeMap;
use std::sync::mpsc;

use rayon::ThreadPool;

/// Calls `work` for every index below `count` on the pool's threads, and `emit` with each result on
/// this thread, in order of the index.
///
/// At most four times as many results as threads wait for a slow one before them; no work is begun
/// that is further ahead. After an error of `emit` no more work is begun.
pub(crate) fn for_each<T: Send, E>(
    pool: &ThreadPool,
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    mut emit: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let ahead = 4 * pool.current_num_threads();
    let work = &work;
    pool.in_place_scope(|scope| {
        let (sender, results) = mpsc::channel();
        let mut waiting = BTreeMap::new();
        let (mut begun, mut emitted) = (0, 0);
        while emitted < count {
            while begun < count.min(emitted + ahead) {
                let (sender, index) = (sender.clone(), begun);
                scope.spawn(move |_| {
                    // Nobody listens after an error.
                    let _ = sender.send((index, work(index)));
                });
                begun += 1;
            }
            // Every piece of work that was begun sends its result, so there is one to come.
            let Ok((index, result)) = results.recv() else { break };
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&emitted) {
                emit(emitted, result)?;
                emitted += 1;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    fn pool() -> ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap()
    }

    #[test]
    fn results_come_in_order_and_work_does_not_run_far_ahead() {
        let (emitted, furthest) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |index: usize| {
            furthest.fetch_max(index.saturating_sub(emitted.load(SeqCst)), SeqCst);
            // The first is slow: the rest must wait for it, and not pile up.
            std::thread::sleep(Duration::from_millis(if index == 0 { 50 } else { (index % 3) as u64 }));
            index * 10
        };
        let result: Result<(), ()> = for_each(&pool(), 100, work, |index, value| {
            assert_eq!((index, value), (emitted.load(SeqCst), index * 10));
            emitted.fetch_add(1, SeqCst);
            Ok(())
        });
        assert_eq!((result, emitted.load(SeqCst)), (Ok(()), 100));
        assert!((4..=12).contains(&furthest.load(SeqCst)), "{furthest:?} ahead");
    }

    #[test]
    fn an_error_stops_the_work() {
        let begun = AtomicUsize::new(0);
        let work = |_| begun.fetch_add(1, SeqCst);
        let result = for_each(&pool(), 1000, work, |index, _| if index == 5 { Err("enough") } else { Ok(()) });
        assert_eq!(result, Err("enough"));
        assert!(begun.load(SeqCst) < 30);
    }

    #[test]
    fn nothing_to_do_is_done_at_once() {
        assert_eq!(for_each(&pool(), 0, |_| (), |_, ()| Err("never")), Ok(()));
    }
}
