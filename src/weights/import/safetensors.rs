//! Safetensors files of other programs.

use safetensors::{Dtype as Type, SafeTensors};

use super::dtype::Dtype;
use super::layers::{Array, Budget, Contents, named};
use super::named::{self as names, Order};
use crate::quote::quoted;
use crate::weights::format::FORMAT;

/// Reads the tensors of a file.
pub(super) fn parse(bytes: &[u8]) -> Result<Contents, String> {
    let damaged = |error| format!("a damaged safetensors file: {}", quoted(&format!("{error}")));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    if header.metadata().as_ref().is_some_and(|entries| entries.get("format").is_some_and(|format| format == FORMAT.0))
    {
        return Err("a model file already: use it as it is".into());
    }
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let (mut arrays, mut budget) = (Vec::new(), Budget::new());
    for (name, tensor) in file.iter() {
        let dtype = match tensor.dtype() {
            Type::F16 => Dtype::F16,
            Type::BF16 => Dtype::Bf16,
            Type::F32 => Dtype::F32,
            Type::F64 => Dtype::F64,
            other => {
                return named(name, Err(format!("a tensor of the type {other:?}: it must be a floating-point one")));
            }
        };
        named(name, budget.take(tensor.shape()))?;
        arrays.push((name.to_owned(), Array { shape: tensor.shape().into(), values: dtype.read(tensor.data()) }));
    }
    Ok(Contents { layers: names::layers(arrays, Order::Names), ..Contents::default() })
}
