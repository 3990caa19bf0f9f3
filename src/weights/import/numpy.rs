//! NumPy's arrays: in `.npy` and `.npz` files, in pickles, and as joblib keeps them behind a pickle.
//!
//! The format of `.npy` is described in `numpy.lib.format`, the state of a pickled array in `ndarray.__reduce__`, joblib's
//! way in its `numpy_pickle.py`.

use half::{bf16, f16};

use super::layers::{Array, Budget};
use super::pickle::{Id, Known, Pickle, Value};

/// A type of numbers, the lowest byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    F16,
    /// PyTorch only.
    Bf16,
    F32,
    F64,
}

impl Number {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// A number of as many bytes.
    pub(super) fn read(self, bytes: &[u8]) -> f32 {
        fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
            bytes.try_into().expect("as many bytes as a number has")
        }
        match self {
            Self::F16 => f16::from_le_bytes(array(bytes)).to_f32(),
            Self::Bf16 => bf16::from_le_bytes(array(bytes)).to_f32(),
            Self::F32 => f32::from_le_bytes(array(bytes)),
            Self::F64 => f64::from_le_bytes(array(bytes)) as f32,
        }
    }

    /// By NumPy's name, such as f4, with or without the order of its bytes.
    fn by_name(name: &str) -> Result<Self, String> {
        match name.trim_start_matches(['<', '=', '|']) {
            "f2" => Ok(Self::F16),
            "f4" => Ok(Self::F32),
            "f8" => Ok(Self::F64),
            _ => Err(format!("an array of the type {name:?}: it must be <f4, <f2 or <f8")),
        }
    }
}

/// An array of these bytes; `columns_first` if the first index is the fastest.
fn array(
    number: Number,
    shape: Vec<usize>,
    columns_first: bool,
    data: &[u8],
    budget: &mut Budget,
) -> Result<Array, String> {
    let count = budget.take(&shape)?;
    if data.len() != count * number.bytes() {
        return Err(format!("an array has {} bytes: its shape has {count} numbers", data.len()));
    }
    let values: Vec<f32> = data.chunks_exact(number.bytes()).map(|bytes| number.read(bytes)).collect();
    if !columns_first {
        return Ok(Array { shape, values });
    }
    let mut strides = vec![1; shape.len()];
    for k in 1..shape.len() {
        strides[k] = strides[k - 1] * shape[k - 1];
    }
    let values = places(&shape, &strides).map(|place| values[place]).collect();
    Ok(Array { shape, values })
}

/// Where the numbers of an array are, the last index fastest. The shape must have few enough of them.
pub(super) fn places(shape: &[usize], strides: &[usize]) -> impl Iterator<Item = usize> {
    let count = shape.iter().product();
    (0..count).map(move |mut index| {
        let mut place = 0;
        for (&size, &stride) in shape.iter().zip(strides).rev() {
            place += index % size * stride;
            index /= size;
        }
        place
    })
}

/// What a `.npy` file has in it.
pub(super) enum Npy<'a> {
    Array(Array),
    /// An object, pickled.
    Pickle(&'a [u8]),
}

/// The first bytes of a `.npy` file.
pub(in super::super) const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads a `.npy` file.
pub(super) fn npy<'a>(bytes: &'a [u8], budget: &mut Budget) -> Result<Npy<'a>, String> {
    const CUT: &str = "the .npy file ends too early";
    let rest = bytes.strip_prefix(MAGIC).ok_or("not a .npy file")?;
    let (&[version, _], rest) = rest.split_first_chunk().ok_or(CUT)?;
    let (length, rest) = if version == 1 {
        let (&length, rest) = rest.split_first_chunk().ok_or(CUT)?;
        (u16::from_le_bytes(length).into(), rest)
    } else {
        let (&length, rest) = rest.split_first_chunk().ok_or(CUT)?;
        (u32::from_le_bytes(length) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(length).ok_or(CUT)?;
    let header = std::str::from_utf8(header).map_err(|_| "the header of the .npy file is no text")?;
    // A dictionary as Python prints it; the values of these keys are printed in one way.
    let after = |key: &str| header.split_once(key).map(|(_, rest)| rest.trim_start());
    let kind = after("'descr':").and_then(|rest| rest.strip_prefix('\'')).and_then(|rest| rest.split_once('\''));
    let (kind, _) = kind.ok_or("the .npy file has no type of numbers")?;
    let columns_first = after("'fortran_order':").ok_or("the .npy file has no order")?.starts_with("True");
    let shape = after("'shape':").and_then(|rest| rest.strip_prefix('(')).and_then(|rest| rest.split_once(')'));
    let sizes = shape.ok_or("the .npy file has no shape")?.0.split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape: Result<Vec<usize>, _> = sizes.map(str::parse).collect();
    let shape = shape.map_err(|_| "the .npy file has an impossible shape")?;
    if kind == "|O" || kind == "O" {
        return Ok(Npy::Pickle(data));
    }
    array(Number::by_name(kind)?, shape, columns_first, data, budget).map(Npy::Array)
}

const NO_ARRAY: &str = "the pickle in it has something else where an array must be";

/// An array in a pickle.
pub(super) fn pickled(pickle: &Pickle<'_>, id: Id, budget: &mut Budget) -> Result<Array, String> {
    match *pickle.get(id) {
        Value::Made { by: Known::Reconstruct, state: Some(state), .. } => {
            let Some(&[_, shape, dtype, columns_first, data]) = pickle.tuple(state) else {
                return Err(NO_ARRAY.into());
            };
            let (Some(shape), Some(data)) = (pickle.sizes(shape), pickle.bytes(data)) else {
                return Err(NO_ARRAY.into());
            };
            let columns_first = matches!(pickle.get(columns_first), Value::Bool(true));
            array(number(pickle, dtype)?, shape, columns_first, data, budget)
        }
        Value::Made { by: Known::JoblibArray, state: Some(state), data, .. } => {
            let joblib = Joblib::of(pickle, state)?;
            array(joblib.number, joblib.shape, joblib.columns_first, data, budget)
        }
        _ => Err(NO_ARRAY.into()),
    }
}

/// A `dtype`: its name among the arguments, the order of its bytes in its state.
fn number(pickle: &Pickle<'_>, id: Id) -> Result<Number, String> {
    let Value::Made { by: Known::Dtype, with, state, .. } = *pickle.get(id) else { return Err(NO_ARRAY.into()) };
    let name = pickle.tuple(with).and_then(|with| pickle.text(*with.first()?)).ok_or(NO_ARRAY)?;
    let order = state.and_then(|state| pickle.tuple(state)).and_then(|state| pickle.text(*state.get(1)?));
    match order {
        Some(">") => Err("an array has the highest byte of its numbers first".into()),
        _ => Number::by_name(name),
    }
}

/// What joblib says of an array.
struct Joblib {
    number: Number,
    shape: Vec<usize>,
    columns_first: bool,
    /// Padded to a multiple of some number of bytes.
    aligned: bool,
}

impl Joblib {
    fn of(pickle: &Pickle<'_>, state: Id) -> Result<Self, String> {
        let entry = |key| pickle.entry(state, key);
        let shape = entry("shape").and_then(|shape| pickle.sizes(shape)).ok_or(NO_ARRAY)?;
        let number = number(pickle, entry("dtype").ok_or(NO_ARRAY)?)?;
        let columns_first = entry("order").and_then(|order| pickle.text(order)) == Some("F");
        let aligned = entry("numpy_array_alignment_bytes").is_some_and(|id| !matches!(pickle.get(id), Value::None));
        Ok(Self { number, shape, columns_first, aligned })
    }
}

/// How many bytes joblib keeps behind the array whose state is the root, and whether they are padded.
pub(super) fn joblib_length(pickle: &Pickle<'_>) -> Result<(usize, bool), String> {
    let joblib = Joblib::of(pickle, pickle.root)?;
    let length = joblib.shape.iter().try_fold(joblib.number.bytes(), |product, &size| product.checked_mul(size));
    Ok((length.ok_or("an array of an impossible size")?, joblib.aligned))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `.npy` file of version 1.
    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
    }

    fn read(header: &str, data: &[u8]) -> Result<Array, String> {
        match npy(&file(header, data), &mut Budget::new())? {
            Npy::Array(array) => Ok(array),
            Npy::Pickle(_) => panic!("a pickle"),
        }
    }

    #[test]
    fn both_orders_and_all_types() {
        let floats: Vec<u8> = (0..6).flat_map(|number| (number as f32).to_le_bytes()).collect();
        let rows = read("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", &floats).unwrap();
        assert_eq!(rows, Array { shape: vec![2, 3], values: vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0] });
        let columns = read("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", &floats).unwrap();
        assert_eq!(columns, Array { shape: vec![2, 3], values: vec![0.0, 2.0, 4.0, 1.0, 3.0, 5.0] });
        let double = read("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", &0.5_f64.to_le_bytes()).unwrap();
        assert_eq!(double, Array { shape: vec![], values: vec![0.5] });
        let half = read("{'descr': '<f2', 'fortran_order': False, 'shape': (1,), }", &[0, 0x3C]).unwrap();
        assert_eq!(half.values, [1.0]);
    }

    #[test]
    fn wrong_files_are_refused() {
        for (header, data, reason) in [
            ("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", &[0; 4][..], "the type \">f4\""),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", &[0; 4], "4 bytes: its shape has 2 numbers"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967295, 4294967295, 9), }", &[], "too large"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", &[], "an impossible shape"),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", &[], "no type of numbers"),
            ("", &[], "no type of numbers"),
        ] {
            let error = read(header, data).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        let whole = file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", &[0; 4]);
        for cut in 0..whole.len() {
            assert!(npy(&whole[..cut], &mut Budget::new()).is_err(), "{cut}");
        }
    }
}
