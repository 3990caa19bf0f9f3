//! Decoders of others held in check: what they must not be given, and what becomes of their panics.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::format::Format;
use super::orientation::chunks;
use crate::error::{Error, Result};

thread_local! {
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside a decoder whose panics are caught.
///
/// A panic there is an error of the file, and [`decode`](super::decode) returns it as one; but the process's panic hook
/// sees it first, and by default prints it. The hook belongs to the program, so the library leaves it alone: a program
/// that wants silence asks here, in a hook of its own.
#[must_use]
pub fn is_decoding() -> bool {
    DECODING.get()
}

/// Runs a decoder; one that stumbles over hostile bytes costs one image, not the program.
pub(super) fn caught<T>(format: Format, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    struct Reset(bool);
    impl Drop for Reset {
        fn drop(&mut self) {
            DECODING.set(self.0);
        }
    }
    let _reset = Reset(DECODING.replace(true));
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(Error::damaged(format_args!("a damaged {format}: the decoder gave up"))))
}

/// Refuses a WebP one of whose chunks is longer than the file: its decoder asks for the memory before it looks.
pub(super) fn webp_is_whole(file: &[u8]) -> Result<()> {
    for (kind, data) in chunks(file.get(12..).unwrap_or(&[])) {
        let whole = data.is_some_and(|data| match kind {
            // A frame of an animation has chunks behind 16 bytes of its own.
            b"ANMF" => data.get(16..).is_some_and(|inner| chunks(inner).all(|(_, data)| data.is_some())),
            _ => true,
        });
        if !whole {
            return Err(Error::damaged("a damaged WebP: the file is cut short"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::panic::{set_hook, take_hook};
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_decoders_panic_is_an_error_and_a_hook_can_tell_it_from_others() {
        static HEARD: Mutex<Vec<bool>> = Mutex::new(Vec::new());
        let print = take_hook();
        // Tests beside this one have panics of their own.
        set_hook(Box::new(move |panic| match panic.payload().downcast_ref::<&str>() {
            Some(&"a stumble") => HEARD.lock().unwrap().push(is_decoding()),
            _ => print(panic),
        }));
        let error = caught::<()>(Format::Tiff, || panic!("a stumble")).unwrap_err();
        assert_eq!(error.to_string(), "a damaged TIFF: the decoder gave up");
        assert!(catch_unwind(|| panic!("a stumble")).is_err() && !is_decoding());
        assert_eq!(*HEARD.lock().unwrap(), [true, false]);
    }
}
