//! Work in parallel, results in order, memory bounded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc;

use rayon::ThreadPool;

/// Calls `work` for every index below `count` on the pool's threads, and `emit` with each result on
/// this thread, in order of the index.
///
/// At most four times as many results as threads wait for a slow one before them; no work is begun
/// that is further ahead. After an error of `emit` no more work is begun.
pub fn for_each<T: Send, E>(
    pool: &ThreadPool,
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    emit: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    for_each_within(pool, count, usize::MAX, |_| 0, work, emit)
}

/// [`for_each`] that also keeps to a `budget`: what is at work or waits to be emitted does not cost more
/// than that together. Only a piece of work that is dearer by itself is done nevertheless, alone.
pub fn for_each_within<T: Send, E>(
    pool: &ThreadPool,
    count: usize,
    budget: usize,
    cost: impl Fn(usize) -> usize,
    work: impl Fn(usize) -> T + Sync,
    mut emit: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let ahead = 4 * pool.current_num_threads();
    let work = &work;
    pool.in_place_scope(|scope| {
        let (sender, results) = mpsc::channel();
        let mut waiting = BTreeMap::new();
        // Of the work that was begun and not emitted, and the sum.
        let (mut costs, mut spent) = (VecDeque::new(), 0_usize);
        let mut next_cost = None;
        let (mut begun, mut emitted) = (0, 0);
        while emitted < count {
            while begun < count.min(emitted + ahead) {
                let price = *next_cost.get_or_insert_with(|| cost(begun));
                if begun > emitted && spent.saturating_add(price) > budget {
                    break;
                }
                next_cost = None;
                costs.push_back(price);
                spent = spent.saturating_add(price);
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
                spent -= costs.pop_front().unwrap_or(0);
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
    fn work_keeps_to_the_budget() {
        let (cost, busy, most) = (|index: usize| 1 + index % 7, AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |index| {
            let now = busy.fetch_add(cost(index), SeqCst) + cost(index);
            most.fetch_max(now, SeqCst);
            std::thread::sleep(Duration::from_micros(200));
        };
        let mut emitted = 0;
        let result: Result<(), ()> = for_each_within(&pool(), 200, 10, cost, work, |index, ()| {
            busy.fetch_sub(cost(index), SeqCst);
            emitted += 1;
            Ok(())
        });
        assert_eq!((result, emitted), (Ok(()), 200));
        assert!((8..=10).contains(&most.load(SeqCst)), "{most:?}");
        // Each dearer than all that may be spent: one after the other.
        assert_eq!(for_each_within(&pool(), 20, 10, |_| 11, |_| (), |_, ()| Ok::<(), ()>(())), Ok(()));
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
