//! Ctrl-C, SIGTERM and SIGHUP: work that can, stops where it is complete; other work leaves no temporary files.

use std::collections::HashSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use anyhow::Context;

static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// Whether somebody looks at the flag.
static HEARD: AtomicBool = AtomicBool::new(false);
static TEMPORARY: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);

/// Whether to go on.
pub(crate) fn going(stop: &AtomicBool) -> ControlFlow<()> {
    if stop.load(Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Set by the first signal, from the first call on; the second ends the program.
pub(crate) fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    listen().context("can't listen to Ctrl-C")?;
    HEARD.store(true, Relaxed);
    Ok(STOP.clone())
}

/// Notes a file that a signal must not leave behind.
pub(crate) fn note_temporary(path: &Path) {
    // Without it the next run cleans up.
    let _ = listen();
    temporary(|paths| paths.insert(path.into()));
}

/// The file has its name, or is gone.
pub(crate) fn forget_temporary(path: &Path) {
    temporary(|paths| paths.remove(path));
}

fn temporary(change: impl FnOnce(&mut HashSet<PathBuf>) -> bool) {
    change(TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default());
}

fn listen() -> Result<(), ctrlc::Error> {
    static LISTENING: OnceLock<Result<(), ctrlc::Error>> = OnceLock::new();
    let result = LISTENING.get_or_init(|| {
        ctrlc::set_handler(|| {
            // The second time the user does not want to wait.
            if !HEARD.load(Relaxed) || STOP.swap(true, Relaxed) {
                let paths = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner).take();
                paths.into_iter().flatten().for_each(|path| drop(fs::remove_file(path)));
                std::process::exit(130);
            }
        })
    });
    match result {
        Ok(()) => Ok(()),
        Err(_) => Err(ctrlc::Error::MultipleHandlers),
    }
}
