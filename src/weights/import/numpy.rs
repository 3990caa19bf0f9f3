//! NumPy's arrays: in `.npy` and `.npz` files, in pickles, and as joblib keeps them behind a pickle.
//!
//! The format of `.npy` is described in `numpy.lib.format`, the state of a pickled array in `ndarray.__reduce__`, joblib's
//! way in its `numpy_pickle.py`.

use std::borrow::Cow;

use super::dtype::Dtype;
use super::layers::{Array, Budget, named};
use super::pickle::{Id, Known, Pickle, Value};
use crate::quote::quoted;
use crate::weights::kind::Kind;

/// By NumPy's name, such as f4, with or without the order of its bytes.
fn dtype_named(name: &str) -> Result<Dtype, String> {
    match name.trim_start_matches(['<', '=', '|']) {
        "f2" => Ok(Dtype::F16),
        "f4" => Ok(Dtype::F32),
        "f8" => Ok(Dtype::F64),
        _ => Err(format!("an array of the type \"{}\": it must be <f4, <f2 or <f8", quoted(name))),
    }
}

/// An array of these bytes; `columns_first` if the first index is the fastest.
fn array(
    dtype: Dtype,
    shape: Vec<usize>,
    columns_first: bool,
    data: &[u8],
    budget: &mut Budget,
) -> Result<Array, String> {
    let count = budget.take(&shape)?;
    if data.len() != count * dtype.bytes() {
        return Err(format!("an array has {} bytes: its shape has {count} values", data.len()));
    }
    let values = dtype.read(data);
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

/// Where the values of an array are, the last index fastest. The shape must have few enough of them.
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

/// Reads a `.npy` file.
pub(super) fn npy<'a>(bytes: &'a [u8], budget: &mut Budget) -> Result<Npy<'a>, String> {
    const CUT: &str = "the .npy file ends too early";
    let rest = bytes.strip_prefix(Kind::Npy.beginning()).ok_or("not a .npy file")?;
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
    let (kind, _) = kind.ok_or("the .npy file has no type of values")?;
    let columns_first = after("'fortran_order':").ok_or("the .npy file has no order")?.starts_with("True");
    let shape = after("'shape':").and_then(|rest| rest.strip_prefix('(')).and_then(|rest| rest.split_once(')'));
    let sizes = shape.ok_or("the .npy file has no shape")?.0.split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape: Result<Vec<usize>, _> = sizes.map(str::parse).collect();
    let shape = shape.map_err(|_| "the .npy file has an impossible shape")?;
    if kind == "|O" || kind == "O" {
        return Ok(Npy::Pickle(data));
    }
    array(dtype_named(kind)?, shape, columns_first, data, budget).map(Npy::Array)
}

const NO_ARRAY: &str = "the pickle in it has something else where an array must be";

/// An array in a pickle.
pub(super) fn pickled(pickle: &Pickle<'_>, id: Id, budget: &mut Budget) -> Result<Array, String> {
    match *pickle.get(id) {
        Value::Made { by: Known::Reconstruct, state: Some(state), .. } => {
            let Some(&[_, shape, dtype, columns_first, data]) = pickle.tuple(state) else {
                return Err(NO_ARRAY.into());
            };
            let (shape, dtype) = (pickle.sizes(shape).ok_or(NO_ARRAY)?, pickled_dtype(pickle, dtype)?);
            let columns_first = matches!(pickle.get(columns_first), Value::Bool(true));
            array(dtype, shape, columns_first, &bytes(pickle, data)?, budget)
        }
        Value::Made { by: Known::JoblibArray, state: Some(state), data, .. } => {
            let joblib = Joblib::of(pickle, state)?;
            array(joblib.dtype, joblib.shape, joblib.columns_first, data, budget)
        }
        _ => Err(NO_ARRAY.into()),
    }
}

/// Arrays in a pickle, each with its name.
pub(super) fn arrays(
    pickle: &Pickle<'_>,
    ids: Vec<(String, Id)>,
    budget: &mut Budget,
) -> Result<Vec<(String, Array)>, String> {
    let array = |(name, id): (String, Id)| {
        let array = named(&name, pickled(pickle, id, budget))?;
        Ok((name, array))
    };
    ids.into_iter().map(array).collect()
}

/// An array's bytes: as they are, or a character each, as Python 3 writes them for Python 2.
fn bytes<'a>(pickle: &'a Pickle<'_>, id: Id) -> Result<Cow<'a, [u8]>, String> {
    if let Some(bytes) = pickle.bytes(id) {
        return Ok(bytes.into());
    }
    let Value::Made { by: Known::Encode, with, .. } = *pickle.get(id) else { return Err(NO_ARRAY.into()) };
    let Some(&[text, encoding]) = pickle.tuple(with) else { return Err(NO_ARRAY.into()) };
    let (Some(text), Some("latin1" | "latin-1")) = (pickle.text(text), pickle.text(encoding)) else {
        return Err(NO_ARRAY.into());
    };
    let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
    Ok(bytes.map_err(|_| "an array has a character that is no byte")?.into())
}

/// A `dtype`: its name among the arguments, the order of its bytes in its state.
fn pickled_dtype(pickle: &Pickle<'_>, id: Id) -> Result<Dtype, String> {
    let Value::Made { by: Known::Dtype, with, state, .. } = *pickle.get(id) else { return Err(NO_ARRAY.into()) };
    let name = pickle.tuple(with).and_then(|with| pickle.text(*with.first()?)).ok_or(NO_ARRAY)?;
    let order = state.and_then(|state| pickle.tuple(state)).and_then(|state| pickle.text(*state.get(1)?));
    match order {
        Some(">") => Err("an array has the highest byte of its values first".into()),
        _ => dtype_named(name),
    }
}

/// What joblib says of an array.
struct Joblib {
    dtype: Dtype,
    shape: Vec<usize>,
    columns_first: bool,
    /// Padded to a multiple of some number of bytes.
    aligned: bool,
}

impl Joblib {
    fn of(pickle: &Pickle<'_>, state: Id) -> Result<Self, String> {
        let entry = |key| pickle.entry(state, key);
        let shape = entry("shape").and_then(|shape| pickle.sizes(shape)).ok_or(NO_ARRAY)?;
        let dtype = pickled_dtype(pickle, entry("dtype").ok_or(NO_ARRAY)?)?;
        let columns_first = entry("order").and_then(|order| pickle.text(order)) == Some("F");
        let aligned = entry("numpy_array_alignment_bytes").is_some_and(|id| !matches!(pickle.get(id), Value::None));
        Ok(Self { dtype, shape, columns_first, aligned })
    }
}

/// How many bytes joblib keeps behind the array with this state, and whether they are padded.
pub(super) fn joblib_length(pickle: &Pickle<'_>, state: Id) -> Result<(usize, bool), String> {
    let joblib = Joblib::of(pickle, state)?;
    let length = joblib.shape.iter().try_fold(joblib.dtype.bytes(), |product, &size| product.checked_mul(size));
    Ok((length.ok_or("an array of an impossible size")?, joblib.aligned))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `.npy` file of version 1.
    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [Kind::Npy.beginning(), &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
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
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", &[0; 4], "4 bytes: its shape has 2 values"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967295, 4294967295, 9), }", &[], "too large"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", &[], "an impossible shape"),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", &[], "no type of values"),
            ("", &[], "no type of values"),
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
