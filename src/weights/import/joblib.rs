//! The files of the package mtcnn (ipazc): a list of arrays, pickled by joblib, in an LZ4 frame.
//!
//! The list has weights, bias and slopes as the layers come.

use std::io::Read;

use lz4_flex::frame::FrameDecoder;

use super::layers::{Budget, Contents};
use super::named::{self, Order};
use super::numpy;
use super::pickle::Pickle;
use super::source::Source;
use super::tree::Tree;
use crate::weights::format::MOST_BYTES;

/// Reads a net.
pub(super) fn parse(packed: &[u8]) -> Result<Contents, String> {
    let mut bytes = Vec::new();
    let read = FrameDecoder::new(packed).take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("the LZ4 frame can't be unpacked: {error}"))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("more than {MOST_BYTES} bytes are packed in it"));
    }
    let (pickle, _) = Pickle::parse_joblib(&bytes, numpy::joblib_length)?;
    let arrays = numpy::arrays(&pickle, Tree::of(&pickle)?.arrays, &mut Budget::new())?;
    if arrays.is_empty() {
        return Err("there is no list of arrays in it".into());
    }
    let likely = Some((Source::Ipazc, "it is a list of arrays, pickled by joblib".into()));
    Ok(Contents { layers: named::layers(arrays, Order::Built), likely, ..Contents::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::kind::Kind;
    use lz4_flex::frame::FrameEncoder;
    use std::io::Write;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = FrameEncoder::new(Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn hostile_files_are_refused() {
        let bomb = packed(&vec![0; 40 << 20]);
        assert!(bomb.len() < 1 << 20);
        for (bytes, reason) in [
            (bomb, "more than 16777216 bytes are packed in it"),
            (packed(b"cos\nsystem\n."), "nothing is run"),
            (packed(b"}."), "no list of arrays"),
            (packed(b"]N."), "no list of arrays"),
            (packed(b"]Na."), "no list of arrays"),
            (packed(b"]q\0h\0a."), "in each other"),
            (packed(&[b'N'; 9000])[..50].to_vec(), "can't be unpacked"),
            // Nothing but the mark is an empty frame to its reader.
            (Kind::Lz4.beginning().to_vec(), "ends too early"),
        ] {
            let error = parse(&bytes).unwrap_err();
            assert!(error.contains(reason), "{reason}: {error}");
        }
    }
}
