//! Looking on at a detection: what the cascade tells a watcher. Where nobody watches it costs nothing, since the code
//! is made for each kind of watcher anew.

use super::boxes::Candidate;

/// A net of the cascade, and what is done with its boxes.
// Their names all end in Net.
#[allow(clippy::enum_variant_names)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    PNet,
    RNet,
    ONet,
}

/// Looks on at a detection. What a watcher does not ask for passes by.
pub(crate) trait Watch: Send {
    /// A stage is done: these boxes go on to the next one, or are the faces. They are moved as the net said, those that
    /// overlapped better ones are gone, and the best come first.
    fn passed<'a>(&mut self, _stage: Stage, _boxes: impl Iterator<Item = &'a Candidate>) {}
}

/// Nobody watches.
pub(crate) struct Nobody;

impl Watch for Nobody {}
