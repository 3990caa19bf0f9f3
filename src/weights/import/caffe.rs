//! Caffe models: the layers of a `NetParameter` that have blobs, in its order.
//!
//! `caffe.proto` of BVLC/caffe has the messages: `layer` (100) is what Caffe writes since 2014, `layers` (2) what it
//! wrote before. A blob has its shape as a message or, the older way, as four numbers; its data packed or not.

use super::layers::{Array, Budget, Contents, Layer};
use super::source::Source;
use crate::weights::description;
use crate::weights::protobuf::{Fields, Value};

/// Where the fields of a layer are.
struct Numbers {
    name: u64,
    kind: u64,
    blobs: u64,
}

const LAYER: (u64, Numbers) = (100, Numbers { name: 1, kind: 2, blobs: 7 });
const V1_LAYER: (u64, Numbers) = (2, Numbers { name: 4, kind: 5, blobs: 6 });
const NET_NAME: u64 = 1;

/// Reads a net; the error is the reason why not.
pub(super) fn parse(bytes: &[u8]) -> Result<Contents, String> {
    let (mut name, mut layers, mut kinds, mut budget) = (String::new(), Vec::new(), Vec::new(), Budget::new());
    for field in Fields(bytes) {
        match field? {
            (NET_NAME, value) => name = text(value)?,
            (number, value) if number == LAYER.0 || number == V1_LAYER.0 => {
                let numbers = if number == LAYER.0 { LAYER.1 } else { V1_LAYER.1 };
                let (layer, kind) = layer(value.bytes()?, &numbers, &mut budget)?;
                // The layer that feeds the net in training comes first.
                if kinds.is_empty() {
                    kinds.extend(kind);
                }
                if !layer.arrays.is_empty() {
                    layers.push(layer);
                }
            }
            _ => {}
        }
    }
    if layers.is_empty() {
        return Err("no layer with weights is in it".into());
    }
    let description = description::from_text(&name);
    let likely = match (name.as_str(), kinds.first().map_or("", String::as_str)) {
        _ if description.is_some() => Some((Source::MtcnnCpu, "its name is what this program writes".into())),
        ("12Net" | "24Net" | "48Net", "HDF5Data") => {
            Some((Source::Kpzhang, format!("its net is {name}, fed by HDF5Data")))
        }
        ("face_12c" | "face_24c" | "face_48c" | "face_48", "Python") => {
            Some((Source::MtcnnCaffe, format!("its net is {name}, fed by a Python layer")))
        }
        _ => None,
    };
    Ok(Contents { layers, likely, description, ..Contents::default() })
}

fn text(value: Value<'_>) -> Result<String, String> {
    Ok(String::from_utf8_lossy(value.bytes()?).into_owned())
}

/// A layer, and its type if that is text: the older messages have a number.
fn layer(message: &[u8], numbers: &Numbers, budget: &mut Budget) -> Result<(Layer, Option<String>), String> {
    let (mut layer, mut kind) = (Layer { name: String::new(), arrays: Vec::new() }, None);
    for field in Fields(message) {
        match field? {
            (number, value) if number == numbers.name => layer.name = text(value)?,
            (number, value @ Value::Bytes(_)) if number == numbers.kind => kind = Some(text(value)?),
            (number, value) if number == numbers.blobs => layer.arrays.push(blob(value.bytes()?, budget)?),
            _ => {}
        }
    }
    Ok((layer, kind))
}

fn blob(message: &[u8], budget: &mut Budget) -> Result<Array, String> {
    const LEGACY: std::ops::RangeInclusive<u64> = 1..=4;
    const DATA: u64 = 5;
    const SHAPE: u64 = 7;
    const DOUBLE_DATA: u64 = 8;
    let (mut shape, mut legacy, mut values) = (None, [0; 4], Vec::new());
    for field in Fields(message) {
        match field? {
            (number, Value::Varint(size)) if LEGACY.contains(&number) => {
                legacy[number as usize - 1] = usize::try_from(size).map_err(|_| "a blob of a negative size")?;
            }
            (SHAPE, value) => shape = Some(sizes(value.bytes()?)?),
            (DATA, Value::Fixed32(bytes)) => values.push(f32::from_le_bytes(bytes)),
            (DATA, Value::Bytes(bytes)) => values.extend(whole(bytes)?.iter().map(|&it| f32::from_le_bytes(it))),
            (DOUBLE_DATA, Value::Fixed64(bytes)) => values.push(f64::from_le_bytes(bytes) as f32),
            (DOUBLE_DATA, Value::Bytes(bytes)) => {
                values.extend(whole(bytes)?.iter().map(|&it| f64::from_le_bytes(it) as f32));
            }
            _ => {}
        }
    }
    let shape = shape.unwrap_or(legacy.into());
    let count = budget.take(&shape)?;
    match values.len() == count {
        true => Ok(Array { shape, values }),
        false => Err(format!("a blob has {} values: its shape has {count}", values.len())),
    }
}

fn sizes(message: &[u8]) -> Result<Vec<usize>, String> {
    let mut sizes = Vec::new();
    for field in Fields(message) {
        if let (1, value) = field? {
            sizes.extend(value.integers()?);
        }
    }
    sizes.into_iter().map(|size| usize::try_from(size).map_err(|_| "a blob of a negative size".into())).collect()
}

fn whole<const N: usize>(bytes: &[u8]) -> Result<&[[u8; N]], String> {
    let (values, rest) = bytes.as_chunks();
    if rest.is_empty() { Ok(values) } else { Err("a blob ends within a value".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::protobuf::Message;

    fn floats(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn array(shape: &[usize], values: &[f32]) -> Array {
        Array { shape: shape.into(), values: values.into() }
    }

    #[test]
    fn old_and_new_messages_are_read() {
        let shape = || Message::default().ints(1, &[1, 2]);
        let packed = Message::default().message(7, shape()).bytes(5, floats(&[1.0, 2.0]));
        let mut unpacked = Message::default().int(1, 1).int(2, 1).int(3, 1).int(4, 2);
        for number in [3.0, 4.0] {
            unpacked.0.push(5 << 3 | 5);
            unpacked.0.extend(floats(&[number]));
        }
        let doubles: Vec<u8> = [5.0_f64, 6.0].iter().flat_map(|number| number.to_le_bytes()).collect();
        let doubles = Message::default().message(7, shape()).bytes(8, doubles);
        let new = Message::default().bytes(1, "new").bytes(2, "InnerProduct").message(7, packed).message(7, doubles);
        let old = Message::default().bytes(4, "old").int(5, 14).message(6, unpacked);
        let none = Message::default().bytes(1, "data").bytes(2, "HDF5Data");
        let net = Message::default().bytes(1, "12Net").message(100, none).message(2, old).message(100, new);
        let found = parse(&net.0).unwrap();
        assert_eq!(
            found.layers,
            [
                Layer { name: "old".into(), arrays: vec![array(&[1, 1, 1, 2], &[3.0, 4.0])] },
                Layer { name: "new".into(), arrays: vec![array(&[1, 2], &[1.0, 2.0]), array(&[1, 2], &[5.0, 6.0])] },
            ]
        );
        assert_eq!(found.likely.unwrap().0, Source::Kpzhang);
    }

    #[test]
    fn blobs_that_are_not_of_their_shape_are_refused() {
        let net = |blob: Message| Message::default().message(100, Message::default().message(7, blob));
        let shape = |sizes: &[usize]| Message::default().message(7, Message::default().ints(1, sizes));
        for (blob, reason) in [
            (shape(&[3]).bytes(5, floats(&[1.0, 2.0])), "a blob has 2 values: its shape has 3"),
            (shape(&[1]).bytes(5, [1, 2, 3]), "a blob ends within a value"),
            (shape(&[1 << 40, 1 << 40]), "an array of the shape 1099511627776x1099511627776: too large"),
            (shape(&[1 << 24]), "an array of the shape 16777216: too large"),
            (shape(&[1; 100]).bytes(5, floats(&[1.0])), "1x1x1x1x1x1x1x1x…: too large"),
            (Message::default().bytes(7, [0xFF]), "ends too early"),
        ] {
            let error = parse(&net(blob).0).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert_eq!(parse(&[]).unwrap_err(), "no layer with weights is in it");
    }
}
