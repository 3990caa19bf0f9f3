//! Work in parallel, results in order, memory bounded.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rayon::{ThreadPool, Yield};

/// For how long a thread of the pool that finds no work waits for a result before it looks for work again.
const IDLE: Duration = Duration::from_micros(200);

/// Calls `work` for every index below `count` on the pool's threads, and `emit` with each result on
/// this thread, in order of the index.
///
/// At most four times as many results as threads wait for a slow one before them; no work is begun
/// that is further ahead. After an error of `emit` no more work is begun. This may be called on a thread of the pool, which
/// then works too: a pool of one thread does not wait for itself.
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
    pool.in_place_scope_fifo(|scope| {
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
                scope.spawn_fifo(move |_| {
                    // Nobody listens after an error.
                    let _ = sender.send((index, catch_unwind(AssertUnwindSafe(|| work(index)))));
                });
                begun += 1;
            }
            // Every piece of work that was begun sends its result, so there is one to come.
            let (index, result) = receive(pool, &results);
            // Here, or the one who waits for it would wait for ever.
            waiting.insert(index, result.unwrap_or_else(|panic| resume_unwind(panic)));
            while let Some(result) = waiting.remove(&emitted) {
                emit(emitted, result)?;
                emitted += 1;
                spent -= costs.pop_front().unwrap_or(0);
            }
        }
        Ok(())
    })
}

/// Waits for a result. A thread of the pool does other work of the pool meanwhile.
fn receive<T>(pool: &ThreadPool, results: &Receiver<T>) -> T {
    loop {
        if let Ok(result) = results.try_recv() {
            return result;
        }
        match pool.yield_now() {
            Some(Yield::Executed) => {}
            // The others have all that there is.
            Some(Yield::Idle) => match results.recv_timeout(IDLE) {
                Ok(result) => return result,
                Err(_) => continue,
            },
            None => return results.recv().expect("the caller keeps a sender"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

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
    fn a_thread_of_the_pool_may_call_it() {
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut emitted = Vec::new();
            let result: Result<(), ()> = pool.install(|| {
                for_each(
                    &pool,
                    50,
                    |index| index * index,
                    |index, square| {
                        emitted.push(square);
                        assert_eq!(square, index * index);
                        Ok(())
                    },
                )
            });
            assert_eq!((result, emitted.len()), (Ok(()), 50), "{threads} threads");
        }
    }

    #[test]
    #[should_panic(expected = "of index 7")]
    fn a_panic_of_the_work_is_one_of_the_caller() {
        let work = |index| assert!(index != 7, "of index 7");
        let _ = for_each(&pool(), 100, work, |_, ()| Ok::<(), ()>(()));
    }

    #[test]
    fn nothing_to_do_is_done_at_once() {
        assert_eq!(for_each(&pool(), 0, |_| (), |_, ()| Err("never")), Ok(()));
    }
}
