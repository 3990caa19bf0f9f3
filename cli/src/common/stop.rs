//! Ctrl-C, SIGTERM and SIGHUP: work that can, stops where it is complete; other work leaves no temporary files.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
#[cfg(unix)]
use std::thread;

use anyhow::anyhow;

static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// Whether somebody looks at the flag.
static HEARD: AtomicBool = AtomicBool::new(false);
static TEMPORARY: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);

/// A signal asked for an end.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub(crate) struct Stopped;

/// Whether an error is that a signal asked for an end.
pub(crate) fn is_stopped(error: &anyhow::Error) -> bool {
    let of_writing = |cause: &io::Error| cause.get_ref().is_some_and(|inner| inner.is::<Stopped>());
    error.is::<Stopped>() || error.chain().filter_map(|cause| cause.downcast_ref()).any(of_writing)
}

/// Whether to go on.
pub(crate) fn going(stop: &AtomicBool) -> ControlFlow<()> {
    if stop.load(Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Whether a signal asked for an end, and somebody looks whether one did.
pub(crate) fn was_asked() -> bool {
    STOP.load(Relaxed)
}

/// Set by the first signal, from the first call on; the second ends the program.
pub(crate) fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    listen().map_err(|reason| anyhow!("can't listen to Ctrl-C: {reason}"))?;
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

/// A file beyond the limit of sizes (`ulimit -f`) is an error of writing it, and not the program's end.
pub(crate) fn outlive_full_files() {
    // Nobody reads the flag: it is enough that the signal is heard. Where it can't be, the next run cleans up.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
}

/// Begins to listen, once.
fn listen() -> Result<(), &'static str> {
    static LISTENING: OnceLock<Result<(), String>> = OnceLock::new();
    LISTENING
        .get_or_init(|| on_signal(heard).map_err(|error| error.to_string()))
        .as_ref()
        .copied()
        .map_err(String::as_str)
}

fn heard() {
    // The second time the user does not want to wait.
    if !HEARD.load(Relaxed) || STOP.swap(true, Relaxed) {
        let paths = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner).take();
        paths.into_iter().flatten().for_each(|path| drop(fs::remove_file(path)));
        std::process::exit(130);
    }
}

/// Calls `heard` for each signal on a thread of its own. One that is ignored stays so: nohup wants a run to outlive its
/// terminal, and a shell that its jobs in the background outlive Ctrl-C.
#[cfg(unix)]
fn on_signal(heard: impl Fn() + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let ignored = ignored();
    let mut signals = signal_hook::iterator::Signals::new(
        [SIGINT, SIGTERM, SIGHUP].iter().filter(|&it| ignored >> (it - 1) & 1 == 0),
    )?;
    thread::Builder::new().name("signals".into()).spawn(move || signals.forever().for_each(|_| heard())).map(drop)
}

#[cfg(not(unix))]
fn on_signal(heard: impl Fn() + Send + 'static) -> io::Result<()> {
    ctrlc::set_handler(heard).map_err(io::Error::other)
}

/// The signals that are ignored, a bit each, as Linux tells it; none elsewhere.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
