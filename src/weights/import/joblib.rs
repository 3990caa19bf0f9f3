//! The files of the package mtcnn (ipazc): a list of arrays, pickled by joblib, in an LZ4 frame.
//!
//! The list has weights, bias and slopes as the layers come; weights are known by having more than one index.

use std::io::Read;

use lz4_flex::frame::FrameDecoder;

use super::layers::{Budget, Found, Layer, Layout};
use super::pickle::{Pickle, Value};
use super::{MOST_BYTES, Source, numpy};

/// The first bytes of an LZ4 frame.
pub(super) const MAGIC: &[u8] = &[0x04, 0x22, 0x4D, 0x18];

/// Reads a net.
pub(super) fn parse(packed: &[u8]) -> Result<Found, String> {
    let mut bytes = Vec::new();
    let read = FrameDecoder::new(packed).take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("the LZ4 frame can't be unpacked: {error}"))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("more than {MOST_BYTES} bytes are packed in it"));
    }
    let (pickle, _) = Pickle::parse(&bytes)?;
    let Value::List(items) = pickle.get(pickle.root) else { return Err("there is no list of arrays in it".into()) };
    let (mut layers, mut budget) = (Vec::<Layer>::new(), Budget::new());
    for &item in items {
        let array = numpy::pickled(&pickle, item, &mut budget)?;
        let is_bias =
            layers.last().is_some_and(|layer| layer.arrays.len() == 1 && layer.arrays[0].squeezed().len() > 1);
        match layers.last_mut() {
            Some(layer) if is_bias => layer.arrays.push(array),
            _ => layers.push(Layer { name: format!("number {}", layers.len() + 1), arrays: vec![array] }),
        }
    }
    let likely = Some((Source::Ipazc, "it is a list of arrays, pickled by joblib".into()));
    Ok(Found { layers, layout: Layout::OutputsLast, likely, description: None })
}

#[cfg(test)]
mod tests {
    use super::*;
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
            (packed(b"]Na."), "something else where an array must be"),
            (packed(b"]q\0h\0a."), "something else where an array must be"),
            (packed(&[b'N'; 9000])[..50].to_vec(), "can't be unpacked"),
            // Nothing but the mark is an empty frame to its reader.
            (MAGIC.to_vec(), "ends too early"),
        ] {
            let error = parse(&bytes).unwrap_err();
            assert!(error.contains(reason), "{reason}: {error}");
        }
    }
}
