//! Ctrl-C: the work stops where it can go on later.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use anyhow::Context;

/// Whether to go on.
pub(crate) fn going(stop: &AtomicBool) -> ControlFlow<()> {
    if stop.load(Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Set by Ctrl-C, from the first call on.
pub(crate) fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(flag) = FLAG.get() {
        return Ok(flag.clone());
    }
    let flag = FLAG.get_or_init(Arc::default).clone();
    let set = flag.clone();
    ctrlc::set_handler(move || {
        // The second time the user does not want to wait.
        if set.swap(true, Relaxed) {
            std::process::exit(130);
        }
    })
    .context("can't listen to Ctrl-C")?;
    Ok(flag)
}
