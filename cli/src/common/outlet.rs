//! Where results go that somebody reads as they come: stdout and pipes. The reader may be slow, stop reading or leave.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::common::stop::{Stopped, was_asked};

/// How long a signal waits at most for a reader.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked whether there was one.
const TURN: Duration = Duration::from_millis(100);

/// Writes on a thread of its own, so that a signal is heard while nobody reads.
pub(crate) struct Outlet {
    name: String,
    pieces: Sender<Vec<u8>>,
    /// Only `&mut self` reads it; the lock makes an outlet `Sync`.
    written: Mutex<Receiver<io::Result<()>>>,
    /// Pieces that are not written yet.
    waiting: usize,
    /// Whether its reader may leave, as the run is for other results too.
    beside: bool,
    /// Nothing is written any more.
    closed: bool,
}

impl Outlet {
    /// Stdout. `beside` other results it is no error that its reader leaves: the run goes on.
    pub(crate) fn stdout(beside: bool) -> io::Result<Self> {
        Self::new("stdout".into(), beside, || Ok(io::stdout()))
    }

    /// A pipe or a device, opened when there is something to write: that may wait for a reader.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let name = path.to_string_lossy().into_owned();
        let path = path.to_path_buf();
        Self::new(name, false, move || File::options().write(true).open(&path))
    }

    fn new<W: Write>(
        name: String,
        beside: bool,
        open: impl FnOnce() -> io::Result<W> + Send + 'static,
    ) -> io::Result<Self> {
        let (pieces, to_write) = channel::<Vec<u8>>();
        let (done, written) = channel();
        let write = move || {
            let Ok(first) = to_write.recv() else { return };
            let mut out = match open() {
                Ok(out) => out,
                Err(error) => return drop(done.send(Err(error))),
            };
            for piece in [first].into_iter().chain(to_write) {
                let result = out.write_all(&piece).and_then(|()| out.flush());
                let failed = result.is_err();
                if done.send(result).is_err() || failed {
                    return;
                }
            }
        };
        thread::Builder::new().name("results".into()).spawn(write)?;
        Ok(Self { name, pieces, written: Mutex::new(written), waiting: 0, beside, closed: false })
    }

    /// Writes what is left. What was opened by nobody yet is opened: its reader waits for that.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.send(Vec::new())?;
        self.flush()
    }

    fn send(&mut self, piece: Vec<u8>) -> io::Result<()> {
        self.settle(1)?;
        if !self.closed {
            // If the thread is gone, the next call tells why.
            let _ = self.pieces.send(piece);
            self.waiting += 1;
        }
        Ok(())
    }

    /// Waits until at most so many pieces are left to write.
    fn settle(&mut self, most: usize) -> io::Result<()> {
        let mut patience = PATIENCE;
        while !self.closed && self.waiting > most {
            let written = self.written.get_mut().unwrap_or_else(PoisonError::into_inner);
            let result = match written.recv_timeout(TURN) {
                Ok(result) => result,
                Err(RecvTimeoutError::Timeout) => {
                    if was_asked() {
                        patience = patience.saturating_sub(TURN);
                    }
                    if !patience.is_zero() {
                        continue;
                    }
                    Err(io::Error::other(Stopped))
                }
                Err(RecvTimeoutError::Disconnected) => Err(io::ErrorKind::BrokenPipe.into()),
            };
            self.waiting -= 1;
            if let Err(error) = result {
                self.closed = true;
                return self.told(error);
            }
        }
        Ok(())
    }

    fn told(&self, error: io::Error) -> io::Result<()> {
        match error.kind() {
            io::ErrorKind::BrokenPipe if self.beside => Ok(()),
            _ if error.get_ref().is_some_and(|inner| inner.is::<Stopped>()) => Err(error),
            kind => Err(io::Error::new(kind, format!("can't write {}: {error}", self.name))),
        }
    }
}

impl Write for Outlet {
    /// Returns while the bytes are still being written; an error is that of a call before.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes.to_vec())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.settle(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes nothing.
    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_has_the_name_and_is_told_once() {
        let mut out = Outlet::new("faces".into(), false, || Ok(Failing(io::ErrorKind::StorageFull))).unwrap();
        out.write_all(b"a").unwrap();
        let error = out.flush().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(error.to_string().starts_with("can't write faces: "), "{error}");
        out.write_all(b"b").unwrap();
        out.finish().unwrap();
    }

    #[test]
    fn a_reader_that_leaves_is_an_error_only_of_the_one_result() {
        for (beside, expected) in [(false, Err(io::ErrorKind::BrokenPipe)), (true, Ok(()))] {
            let mut out = Outlet::new("faces".into(), beside, || Ok(Failing(io::ErrorKind::BrokenPipe))).unwrap();
            out.write_all(b"a").unwrap();
            assert_eq!(out.flush().map_err(|error| error.kind()), expected);
        }
    }
}
