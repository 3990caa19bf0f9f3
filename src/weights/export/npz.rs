//! NumPy's `.npz`: a zip archive with an array in a `.npy` file for each parameter, not packed.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::file::ExportedFile;
use crate::arch::Arch;
use crate::weights::description::{self, Description};
use crate::weights::kind::Kind;
use crate::weights::model::Model;

/// All parameters by their names in a model file, and the description.
pub(super) fn file(model: &Model, description: &Description) -> ExportedFile {
    let archs = model.archs();
    let arrays = archs.iter().flat_map(Arch::parameters).map(|parameter| {
        let values = model.tensor(&parameter.name);
        (parameter.name, parameter.shape, values)
    });
    let text = description::to_text(description);
    ExportedFile { name: "mtcnn.npz".into(), bytes: archive(arrays, Some((description::FILE, text.as_bytes()))) }
}

/// An archive of arrays, each with a name, its shape and its values, and of one more file.
pub(crate) fn archive<'a>(
    arrays: impl IntoIterator<Item = (String, Vec<usize>, &'a [f32])>,
    more: Option<(&str, &[u8])>,
) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, bytes: &[u8]| {
        zip.start_file(name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))?;
        zip.write_all(bytes)
    };
    let write = || -> std::io::Result<()> {
        for (name, shape, values) in arrays {
            add(&(name + ".npy"), &npy(&shape, values))?;
        }
        more.into_iter().try_for_each(|(name, bytes)| add(name, bytes))
    };
    write().expect("an archive in memory");
    zip.finish().expect("an archive in memory").into_inner()
}

/// <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>, version 1.0.
fn npy(shape: &[usize], values: &[f32]) -> Vec<u8> {
    // A comma behind each: Python takes (3) for a number.
    let shape: String = shape.iter().map(|size| format!("{size},")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
    let before = Kind::Npy.beginning().len() + 4;
    let padded = (before + header.len() + 1).next_multiple_of(64);
    header.extend(std::iter::repeat_n(' ', padded - before - header.len() - 1));
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    let mut bytes = [Kind::Npy.beginning(), &[1, 0], &length, header.as_bytes()].concat();
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}
