//! Pickles as plain values: nothing in them is ever run.
//!
//! Python's `pickletools` describes the operations. Those that files of weights need are known here, and the names of
//! the few classes and functions that they call; a call is kept as what it says, and everything else is refused.
//! Values lie in one list and name each other by their places, so that cycles and depth cost nothing.

use std::collections::HashMap;

use super::dtype::Dtype;
use crate::quote::quoted;

/// Operations of a pickle: the largest known file has some hundred.
const MOST_STEPS: usize = 20_000;

/// The place of a value.
pub(super) type Id = usize;

/// Classes and functions that files of weights name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    OrderedDict,
    /// Makes an empty NumPy array, whose state is told after it.
    Reconstruct,
    Ndarray,
    Dtype,
    /// An array that joblib keeps behind the pickle's operation.
    JoblibArray,
    /// Makes a tensor of a storage, an offset, a shape and strides.
    RebuildTensor,
    /// Makes a parameter of a tensor.
    RebuildParameter,
    Storage(Dtype),
    /// Bytes as text, as Python 3 writes them for Python 2.
    Encode,
    /// What stands beside the weights in checkpoints, and is not looked at.
    Other,
}

impl Known {
    fn by_name(module: &[u8], name: &[u8]) -> Result<Self, String> {
        Ok(match (module, name) {
            (b"collections", b"OrderedDict") => Self::OrderedDict,
            (b"numpy.core.multiarray" | b"numpy._core.multiarray", b"_reconstruct") => Self::Reconstruct,
            (b"numpy", b"ndarray") => Self::Ndarray,
            (b"numpy", b"dtype") => Self::Dtype,
            (b"joblib.numpy_pickle", b"NumpyArrayWrapper") => Self::JoblibArray,
            (b"_codecs", b"encode") => Self::Encode,
            (b"torch._utils", b"_rebuild_tensor" | b"_rebuild_tensor_v2") => Self::RebuildTensor,
            (b"torch._utils", b"_rebuild_parameter") => Self::RebuildParameter,
            (b"torch", b"HalfStorage") => Self::Storage(Dtype::F16),
            (b"torch", b"BFloat16Storage") => Self::Storage(Dtype::Bf16),
            (b"torch", b"FloatStorage") => Self::Storage(Dtype::F32),
            (b"torch", b"DoubleStorage") => Self::Storage(Dtype::F64),
            (b"numpy.core.multiarray" | b"numpy._core.multiarray", b"scalar")
            | (b"torch", b"Size" | b"device")
            | (b"argparse", b"Namespace") => Self::Other,
            _ => {
                return Err(format!(
                    "the pickle in it calls for \"{}\" of \"{}\": no file of weights needs that, and nothing is run",
                    quoted(&String::from_utf8_lossy(name)),
                    quoted(&String::from_utf8_lossy(module))
                ));
            }
        })
    }
}

/// A value.
#[derive(Debug)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// No weights are single numbers.
    Float,
    /// Text or bytes: Python 2 has one type for both.
    Bytes(&'a [u8]),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Known(Known),
    /// What a call would make: by what, of which arguments, and with which state afterwards.
    Made {
        by: Known,
        with: Id,
        state: Option<Id>,
        /// The bytes that joblib keeps behind.
        data: &'a [u8],
    },
    /// What lies outside the pickle under this name.
    Outside(Id),
}

/// The values of a pickle.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    pub(super) root: Id,
}

impl<'a> Pickle<'a> {
    /// Reads a pickle; returns what lies behind it, too.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), String> {
        Self::parse_joblib(bytes, |_, _| Err(DAMAGED.into()))
    }

    /// Reads a pickle with arrays of joblib's between its operations: `length` knows from an array's state how many bytes it
    /// has, and whether padding stands before them.
    pub(super) fn parse_joblib(bytes: &'a [u8], length: Length) -> Result<(Self, &'a [u8]), String> {
        let mut reader = Reader {
            rest: bytes,
            pickle: Self { values: Vec::new(), root: 0 },
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            steps: MOST_STEPS,
            length,
        };
        loop {
            reader.spend(1)?;
            if let Some(root) = reader.step()? {
                return Ok((Self { root, ..reader.pickle }, reader.rest));
            }
        }
    }

    /// All values, in the order in which they were read.
    pub(super) fn values(&self) -> &[Value<'a>] {
        &self.values
    }

    pub(super) fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id]
    }

    /// Text or bytes.
    pub(super) fn bytes(&self, id: Id) -> Option<&'a [u8]> {
        match self.values[id] {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn text(&self, id: Id) -> Option<&'a str> {
        self.bytes(id).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// A number that is not negative.
    pub(super) fn size(&self, id: Id) -> Option<usize> {
        match self.values[id] {
            Value::Int(number) => number.try_into().ok(),
            _ => None,
        }
    }

    pub(super) fn tuple(&self, id: Id) -> Option<&[Id]> {
        match &self.values[id] {
            Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// Of a list or a tuple.
    pub(super) fn items(&self, id: Id) -> Option<&[Id]> {
        match &self.values[id] {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// Numbers that are not negative.
    pub(super) fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        self.tuple(id)?.iter().map(|&item| self.size(item)).collect()
    }

    pub(super) fn dict(&self, id: Id) -> Option<&[(Id, Id)]> {
        match &self.values[id] {
            Value::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key.
    pub(super) fn entry(&self, dict: Id, key: &str) -> Option<Id> {
        let found = self.dict(dict)?.iter().rev().find(|&&(name, _)| self.bytes(name) == Some(key.as_bytes()));
        found.map(|&(_, value)| value)
    }
}

/// See [`Pickle::parse_joblib`].
type Length = fn(&Pickle<'_>, Id) -> Result<(usize, bool), String>;

/// A pickle being read.
struct Reader<'a> {
    rest: &'a [u8],
    pickle: Pickle<'a>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// How many more operations, or entries made at once by one of them.
    steps: usize,
    length: Length,
}

const CUT: &str = "the pickle in it ends too early";
const DAMAGED: &str = "the pickle in it is damaged";

impl<'a> Reader<'a> {
    /// One operation; the result if it was the last.
    fn step(&mut self) -> Result<Option<Id>, String> {
        let [operation] = self.array()?;
        match operation {
            b'.' => return self.pop().map(Some),
            // The version of the format, and how long the next part is: neither matters.
            0x80 => drop(self.array::<1>()?),
            0x95 => drop(self.array::<8>()?),
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'G' => {
                self.array::<8>()?;
                self.push(Value::Float);
            }
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(number.into()));
            }
            b'K' => {
                let [number] = self.array()?;
                self.push(Value::Int(number.into()));
            }
            b'M' => {
                let number = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(number.into()));
            }
            0x8A => {
                let number = self.counted::<1>()?;
                let sign = if number.last().is_some_and(|&byte| byte >= 0x80) { 0xFF } else { 0 };
                let mut bytes = [sign; 8];
                bytes
                    .get_mut(..number.len())
                    .ok_or("the pickle in it has a number that is too large")?
                    .copy_from_slice(number);
                self.push(Value::Int(i64::from_le_bytes(bytes)));
            }
            // Text and bytes, with a length of one, four or eight bytes.
            b'U' | b'C' | 0x8C => {
                let bytes = self.counted::<1>()?;
                self.push(Value::Bytes(bytes));
            }
            b'T' | b'B' | b'X' => {
                let bytes = self.counted::<4>()?;
                self.push(Value::Bytes(bytes));
            }
            0x8D | 0x8E => {
                let bytes = self.counted::<8>()?;
                self.push(Value::Bytes(bytes));
            }
            b'(' => self.marks.push(self.stack.len()),
            b')' => self.push(Value::Tuple(Vec::new())),
            b't' => {
                let items = self.marked()?;
                self.push(Value::Tuple(items));
            }
            0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(operation - 0x84)).ok_or(DAMAGED)?;
                let items = self.stack.split_off(from);
                self.push(Value::Tuple(items));
            }
            b']' => self.push(Value::List(Vec::new())),
            b'a' => {
                let item = self.pop()?;
                self.list()?.push(item);
            }
            b'e' => {
                let items = self.marked()?;
                self.list()?.extend(items);
            }
            b'}' => self.push(Value::Dict(Vec::new())),
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.dict()?.push((key, value));
            }
            b'u' => {
                let items = self.marked()?;
                self.dict()?.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
            }
            b'q' => {
                let [place] = self.array()?;
                self.remember(place.into())?;
            }
            b'r' => {
                let place = u32::from_le_bytes(self.array()?);
                self.remember(place)?;
            }
            0x94 => self.remember(self.memo.len() as u32)?,
            b'h' => {
                let [place] = self.array()?;
                self.recall(place.into())?;
            }
            b'j' => {
                let place = u32::from_le_bytes(self.array()?);
                self.recall(place)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Known(Known::by_name(module, name)?));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (self.pickle.bytes(module), self.pickle.bytes(name)) else {
                    return Err(DAMAGED.into());
                };
                let known = Known::by_name(module, name)?;
                self.push(Value::Known(known));
            }
            // A call, and a new object.
            b'R' | 0x81 => {
                let (with, by) = (self.pop()?, self.pop()?);
                let Value::Known(by) = self.pickle.values[by] else { return Err(DAMAGED.into()) };
                let made = match by {
                    Known::OrderedDict => Value::Dict(self.pairs(with)?),
                    by => Value::Made { by, with, state: None, data: &[] },
                };
                self.push(made);
            }
            b'b' => self.build()?,
            b'Q' => {
                let name = self.pop()?;
                self.push(Value::Outside(name));
            }
            other => {
                return Err(format!("the pickle in it has the operation {other:#04x}, which no file of weights needs"));
            }
        }
        Ok(None)
    }

    /// Gives an object its state.
    fn build(&mut self) -> Result<(), String> {
        let (told, object) = (self.pop()?, *self.stack.last().ok_or(DAMAGED)?);
        match &mut self.pickle.values[object] {
            Value::Made { state, by, .. } => {
                *state = Some(told);
                if *by == Known::JoblibArray {
                    self.behind(object, told)?;
                }
                Ok(())
            }
            // A PyTorch module's versions are told of an OrderedDict.
            Value::Dict(_) => Ok(()),
            _ => Err(DAMAGED.into()),
        }
    }

    /// Takes the bytes of an array that joblib keeps here.
    fn behind(&mut self, object: Id, told: Id) -> Result<(), String> {
        let (length, aligned) = (self.length)(&self.pickle, told)?;
        if aligned {
            let [padding] = self.array()?;
            self.take(padding.into())?;
        }
        let bytes = self.take(length)?;
        if let Value::Made { data, .. } = &mut self.pickle.values[object] {
            *data = bytes;
        }
        Ok(())
    }

    /// The entries that an `OrderedDict` is made of: none, or a list of keys and values, as Python 2 has them.
    fn pairs(&mut self, with: Id) -> Result<Vec<(Id, Id)>, String> {
        let Some(&[pairs]) = self.pickle.tuple(with) else { return Ok(Vec::new()) };
        let items = self.pickle.items(pairs).ok_or(DAMAGED)?;
        let pair = |&item: &Id| match *self.pickle.items(item)? {
            [key, value] => Some((key, value)),
            _ => None,
        };
        let entries: Vec<_> = items.iter().map(pair).collect::<Option<_>>().ok_or(DAMAGED)?;
        // One list may be named by many.
        self.spend(entries.len())?;
        Ok(entries)
    }

    fn spend(&mut self, steps: usize) -> Result<(), String> {
        let left = self.steps.checked_sub(steps);
        self.steps = left.ok_or_else(|| format!("the pickle in it has more than {MOST_STEPS} operations"))?;
        Ok(())
    }

    fn push(&mut self, value: Value<'a>) {
        self.stack.push(self.pickle.values.len());
        self.pickle.values.push(value);
    }

    fn pop(&mut self) -> Result<Id, String> {
        // Nothing below a mark is reached without its operation.
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(DAMAGED.into());
        }
        Ok(self.stack.pop().expect("just looked at"))
    }

    /// What was pushed since the last mark.
    fn marked(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or(DAMAGED)?;
        if mark > self.stack.len() {
            return Err(DAMAGED.into());
        }
        Ok(self.stack.split_off(mark))
    }

    fn list(&mut self) -> Result<&mut Vec<Id>, String> {
        match self.stack.last().map(|&id| &mut self.pickle.values[id]) {
            Some(Value::List(items)) => Ok(items),
            _ => Err(DAMAGED.into()),
        }
    }

    fn dict(&mut self) -> Result<&mut Vec<(Id, Id)>, String> {
        match self.stack.last().map(|&id| &mut self.pickle.values[id]) {
            Some(Value::Dict(entries)) => Ok(entries),
            _ => Err(DAMAGED.into()),
        }
    }

    fn remember(&mut self, place: u32) -> Result<(), String> {
        let id = *self.stack.last().ok_or(DAMAGED)?;
        self.memo.insert(place, id);
        Ok(())
    }

    fn recall(&mut self, place: u32) -> Result<(), String> {
        let id = *self.memo.get(&place).ok_or(DAMAGED)?;
        self.stack.push(id);
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(CUT)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        Ok(self.take(N)?.try_into().expect("as many"))
    }

    /// As many bytes as a number of `N` bytes before them says.
    fn counted<const N: usize>(&mut self) -> Result<&'a [u8], String> {
        let mut length = [0; 8];
        length[..N].copy_from_slice(self.take(N)?);
        self.take(usize::try_from(u64::from_le_bytes(length)).map_err(|_| CUT)?)
    }

    fn line(&mut self) -> Result<&'a [u8], String> {
        let length = self.rest.iter().position(|&byte| byte == b'\n').ok_or(CUT)?;
        let line = self.take(length)?;
        self.take(1)?;
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        Pickle::parse(bytes).map(drop).unwrap_err()
    }

    #[test]
    fn values_are_read() {
        let bytes = b"\x80\x04\x95\0\0\0\0\0\0\0\0}(\x8c\x01aK\x07X\x01\0\0\0b(M\x01\x02J\xFF\xFF\xFF\xFFt\x94U\x01c]\x94(h\0N\x88eu.rest";
        let (pickle, rest) = Pickle::parse(bytes).unwrap();
        assert_eq!(rest, b"rest");
        let entry = |key| pickle.entry(pickle.root, key);
        assert_eq!(entry("a").and_then(|id| pickle.size(id)), Some(7));
        let tuple = pickle.tuple(entry("b").unwrap()).unwrap();
        assert!(matches!(pickle.get(tuple[1]), Value::Int(-1)) && pickle.size(tuple[1]).is_none());
        assert_eq!(pickle.size(tuple[0]), Some(0x201));
        let Value::List(items) = pickle.get(entry("c").unwrap()) else { panic!("a list") };
        assert!(items.len() == 3 && items[0] == entry("b").unwrap());
        assert!(entry("d").is_none());
    }

    /// Each would run a command if Python read it.
    #[test]
    fn code_is_refused() {
        for bytes in [
            &b"cos\nsystem\n(S'echo'\ntR."[..],
            b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04echo\x85R.",
            b"\x80\x02cbuiltins\neval\nX\x01\0\0\0x\x85R.",
            b"\x80\x02cnumpy.testing._private.utils\nrunstring\n.",
        ] {
            assert!(refused(bytes).contains("nothing is run"), "{}", refused(bytes));
        }
        // The old way to the same end.
        assert!(refused(b"(S'echo'\nios\nsystem\n.").contains("the operation 0x53"));
        assert!(refused(b"(X\x01\0\0\0xios\nsystem\n.").contains("the operation 0x69"));
    }

    #[test]
    fn cycles_and_depth_cost_nothing() {
        // A list in itself, and tuples in tuples.
        let (pickle, _) = Pickle::parse(b"]q\0h\0a.").unwrap();
        assert!(matches!(pickle.get(pickle.root), Value::List(items) if items[..] == [pickle.root]));
        let mut deep = vec![b')'];
        deep.extend([0x85; MOST_STEPS - 10]);
        deep.push(b'.');
        Pickle::parse(&deep).unwrap();
        // Each of forty is twice the one before: a billion items to who would follow them.
        let laughs = [&b")"[..], &b"q\0h\0\x86".repeat(40), b"."].concat();
        Pickle::parse(&laughs).unwrap();
    }

    #[test]
    fn huge_and_damaged_ones_are_refused() {
        assert!(refused(&vec![b'N'; 2 * MOST_STEPS]).contains("more than 20000 operations"));
        for bytes in [
            &b""[..],
            b"N",
            b"X\xFF\xFF\xFF\xFFa.",
            b"\x8e\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF.",
            b"cos\nsystem",
            b"\x8a\x09.",
        ] {
            assert!(refused(bytes).contains("ends too early"), "{bytes:?}");
        }
        for bytes in [
            &b"."[..],
            b"t.",
            b"\x85.",
            b"Na.",
            b"]NNs.",
            b"h\x05.",
            b"q\0.",
            b"NNR.",
            b"Nb.",
            b"NNb.",
            b"(.",
            b"N(.",
            b"N(NN\x85b.",
            b"N(a.",
            b"NN\x93.",
            b"((tt",
            b"]((e",
        ] {
            let reason = refused(bytes);
            assert!(reason.contains("damaged") || reason.contains("too early"), "{bytes:?}: {reason}");
        }
    }
}
