//! Protocol buffer messages, field by field: enough of the format for Caffe models and ONNX.
//!
//! <https://protobuf.dev/programming-guides/encoding>: a field is a key (its number and the form of its value) and the value.

/// A value as it lies in a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    /// Text, bytes, a message, or numbers one behind the other.
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

impl<'a> Value<'a> {
    /// The bytes, or the reason why there are none.
    pub(super) fn bytes(self) -> Result<&'a [u8], String> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            other => Err(format!("a message has the number {other:?} where it must have bytes")),
        }
    }

    /// Whole numbers: one, or all of a packed field.
    pub(super) fn integers(self) -> Result<Vec<u64>, String> {
        match self {
            Value::Varint(number) => Ok(vec![number]),
            Value::Bytes(mut bytes) => {
                let mut numbers = Vec::new();
                while !bytes.is_empty() {
                    numbers.push(varint(&mut bytes)?);
                }
                Ok(numbers)
            }
            other => Err(format!("a message has {other:?} where it must have a whole number")),
        }
    }
}

const CUT: &str = "a message ends too early";

/// The fields of a message; after an error there are no more.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    /// The field's number and value.
    type Item = Result<(u64, Value<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u64, Value<'a>), String> {
        let key = varint(&mut self.0)?;
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut self.0)?),
            1 => Value::Fixed64(self.array()?),
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).map_err(|_| CUT)?;
                let (bytes, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
                self.0 = rest;
                Value::Bytes(bytes)
            }
            5 => Value::Fixed32(self.array()?),
            form => {
                return Err(format!("a message has a field of the form {form}, which does not exist or is not used"));
            }
        };
        match key >> 3 {
            0 => Err("a message has a field of the number 0".into()),
            number => Ok((number, value)),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (&bytes, rest) = self.0.split_first_chunk().ok_or(CUT)?;
        self.0 = rest;
        Ok(bytes)
    }
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for place in 0..10 {
        let (&byte, rest) = bytes.split_first().ok_or(CUT)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << (7 * place);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("a message has a number of more than 64 bits".into())
}

/// A message being written.
#[derive(Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// Adds a whole number.
    pub(super) fn int(mut self, field: u64, value: usize) -> Self {
        self.varint(field << 3);
        self.varint(value as u64);
        self
    }

    /// Adds text or bytes.
    pub(super) fn bytes(mut self, field: u64, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    /// Adds packed numbers.
    pub(super) fn floats(self, field: u64, values: &[f32]) -> Self {
        self.bytes(field, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
    }

    /// Adds a message.
    pub(super) fn message(self, field: u64, message: Message) -> Self {
        self.bytes(field, message.0)
    }

    /// Adds whole numbers as a packed field.
    pub(super) fn ints(self, field: u64, values: &[usize]) -> Self {
        let mut packed = Message::default();
        values.iter().for_each(|&value| packed.varint(value as u64));
        self.bytes(field, packed.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let inner = Message::default().bytes(1, "text");
        let message = Message::default().int(1, 0).int(16, usize::MAX).ints(3, &[1, 300]).message(100, inner);
        let fields: Vec<_> = Fields(&message.0).map(Result::unwrap).collect();
        assert_eq!(fields[0], (1, Value::Varint(0)));
        assert_eq!(fields[1], (16, Value::Varint(u64::MAX)));
        assert_eq!(fields[2].1.integers().unwrap(), [1, 300]);
        assert_eq!(fields[3], (100, Value::Bytes(b"\x0A\x04text")));
        let numbers = [&b"\x0D\x01\x02\x03\x04\x09"[..], &[7; 8]].concat();
        let fields: Vec<_> = Fields(&numbers).map(Result::unwrap).collect();
        assert_eq!(fields, [(1, Value::Fixed32([1, 2, 3, 4])), (1, Value::Fixed64([7; 8]))]);
    }

    #[test]
    fn damaged_messages_are_refused() {
        for bytes in [
            &b"\x0A"[..],                                    // no length
            b"\x0A\x05text",                                 // one byte is missing
            b"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", // a huge length
            b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", // a huge key
            b"\x0D\x01\x02",                                 // a cut number
            b"\x0B\x0C",                                     // a group
            b"\x02\x00",                                     // the field 0
        ] {
            let mut fields = Fields(bytes);
            assert!(fields.next().unwrap().is_err(), "{bytes:?}");
            assert!(fields.next().is_none());
        }
    }
}
