//! Weights from the files of other systems.
//!
//! A file is known by its first bytes, its net and layers by their shapes ([`assign`]). How its nets see pictures and
//! order their answers ([`convention`]) is known from the values, if they are those of the original MTCNN, or from what
//! only one system writes; otherwise the caller must say it. Nothing is guessed.

mod archive;
mod assign;
mod caffe;
mod convention;
mod joblib;
mod layers;
pub(super) mod npy;
pub(super) mod numpy;
mod pickle;
mod torch;

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

pub use convention::{Colours, Flatten, LandmarkOrder, Orientation};

use super::choice::choice;
use super::description::{self, Description};
use super::{MOST_BYTES, Model};
use crate::arch;
use crate::error::{Error, Result};
use archive::Archive;
use assign::Assigned;
use convention::Convention;
use layers::Found;

choice! {
    /// A system whose files can be imported.
    pub enum Source {
        /// The original MTCNN (Caffe): `det1.caffemodel` and its sisters.
        Kpzhang = "kpzhang",
        /// lippman1125/mtcnn_caffe and nets trained by it: `PNet_iter_1200000.caffemodel` and its sisters.
        MtcnnCaffe = "mtcnn-caffe",
        /// The PyPI package facenet-pytorch: `pnet.pt` and its sisters.
        FacenetPytorch = "facenet-pytorch",
        /// The PyPI package mtcnn: `pnet.lz4` and its sisters.
        Ipazc = "ipazc",
        /// davidsandberg/facenet: `det1.npy` and its sisters.
        Davidsandberg = "davidsandberg",
        /// What this program has exported, to Caffe or `.npz`.
        MtcnnCpu = "mtcnn-cpu",
    }
}

/// What the caller knows of the files; what is `None` is recognised, or asked for by an error.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The system that the files are from.
    pub from: Option<Source>,
    /// How the nets see pictures.
    pub orientation: Option<Orientation>,
    /// The order of a pixel's colours.
    pub colours: Option<Colours>,
    /// The order of the landmarks' numbers.
    pub landmarks: Option<LandmarkOrder>,
    /// The order of the inputs of the first dense layer.
    pub flatten: Option<Flatten>,
    /// Keep the landmark heads of PNet and RNet, which no detection uses.
    pub all_heads: bool,
    /// Where the numbers come from, for the description of the model file.
    pub origin: Option<String>,
    /// Their licence, for the description.
    pub licence: Option<String>,
}

/// A model from other files.
#[derive(Debug)]
pub struct Imported {
    model: Model,
    description: Description,
    /// For people, a line each: what was recognised, why, and what was left out.
    pub notes: Vec<String>,
}

impl Imported {
    /// The bytes of a model file, always the same for the same numbers, as f32.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.model.to_bytes(&self.description)
    }
}

/// Reads the three nets from files, in any order.
///
/// # Errors
/// [`crate::ErrorKind::Unreadable`], or [`crate::ErrorKind::Weights`] with the file and the reason: damaged, no file of weights, a net missing or
/// there twice, or what it doesn't tell and `options` don't say.
pub fn import(files: &[PathBuf], options: &ImportOptions) -> Result<Imported> {
    let mut contents = Vec::new();
    for path in files {
        let io = |source| Error::read(path, source);
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes)).map_err(io)?;
        contents.push((path.to_string_lossy().into_owned(), bytes));
    }
    let contents: Vec<_> = contents.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    import_bytes(&contents, options)
}

/// [`import`] from names and bytes.
///
/// # Errors
/// [`crate::ErrorKind::Weights`].
pub fn import_bytes(files: &[(&str, &[u8])], options: &ImportOptions) -> Result<Imported> {
    let (mut tensors, mut notes, mut carried, mut sources) = (HashMap::new(), Vec::new(), Vec::new(), Vec::new());
    for &(name, bytes) in files {
        let refuse = |reason| Error::weights(format!("{name}: {reason}"));
        for found in parse(bytes).map_err(refuse)? {
            carried.push(found.description.clone());
            let net = read_net(found, options).map_err(refuse)?;
            notes.extend(net.notes.into_iter().map(|note| format!("{name}: {note}")));
            sources.extend(net.source.filter(|source| !sources.contains(source)));
            for (parameter, values) in net.parameters {
                if tensors.insert(parameter.clone(), values).is_some() {
                    let net = &parameter[..4];
                    return Err(refuse(format!("{net} for the second time: it is in another file, too")));
                }
            }
        }
    }
    let has = |net: &str| tensors.keys().any(|name: &String| name.starts_with(net));
    if let Some(missing) = arch::ALL.iter().find(|arch| !has(arch.name())) {
        return Err(Error::weights(format!("no file has {}: all three nets are needed", missing.name())));
    }
    let model = Model { tensors };
    let description = describe(&model, files, &carried, &sources, options, &mut notes);
    Ok(Imported { model, description, notes })
}

/// The nets of a file.
fn parse(bytes: &[u8]) -> Result<Vec<Found>, String> {
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("more than {MOST_BYTES} bytes: the three nets take 2 million"));
    }
    if bytes.starts_with(joblib::MAGIC) {
        joblib::parse(bytes).map(|found| vec![found])
    } else if bytes.starts_with(torch::MAGIC) {
        torch::parse(bytes).map(|found| vec![found])
    } else if bytes.starts_with(numpy::MAGIC) {
        npy::parse(bytes).map(|found| vec![found])
    } else if bytes.starts_with(Archive::MAGIC) {
        let mut archive = Archive::open(bytes)?;
        if archive.names().iter().any(|name| name.ends_with(".npy")) {
            npy::parse_npz(&mut archive)
        } else {
            torch::parse_zip(&mut archive).map(|found| vec![found])
        }
    } else if safetensors::SafeTensors::read_metadata(bytes).is_ok() {
        Err("a safetensors file: if it is a model of mtcnn-cpu, use it as it is".into())
    } else {
        // Caffe's messages begin with nothing that tells them.
        caffe::parse(bytes).map(|found| vec![found]).map_err(|reason| {
            format!("no file of weights that is known (.caffemodel, .pt, .npy, .npz, .lz4), or a damaged one: {reason}")
        })
    }
}

/// A net in our convention.
struct Net {
    parameters: Vec<(String, Vec<f32>)>,
    source: Option<Source>,
    notes: Vec<String>,
}

fn read_net(found: Found, options: &ImportOptions) -> Result<Net, String> {
    let likely = found.likely.clone();
    let mut net = assign::assign(found)?;
    let arch = net.arch.name();
    let mut notes = Vec::new();
    // What was exported has what its model file had.
    let exported = likely.as_ref().is_some_and(|&(source, _)| source == Source::MtcnnCpu);
    if !options.all_heads && !exported && net.drop_unused_landmarks() {
        notes.push(format!("the landmark head of {arch} is left out: no detection uses it (--all-heads keeps it)"));
    }

    let recognised = recognise(&net, likely);
    let said = options.from.map(Convention::of);
    let base = said.or(recognised.as_ref().map(|(_, convention, _)| *convention));
    let mut missing = Vec::new();
    macro_rules! choose {
        ($field:ident, $option:literal, $needed:expr, $default:expr) => {
            options.$field.or(base.map(|base| base.$field)).unwrap_or_else(|| {
                if $needed {
                    missing.push($option);
                }
                $default
            })
        };
    }
    let convention = Convention {
        orientation: choose!(orientation, "--orientation", true, Orientation::Upright),
        colours: choose!(colours, "--colours", true, Colours::Rgb),
        landmarks: choose!(landmarks, "--landmarks", net.has_landmarks(), LandmarkOrder::Interleaved),
        flatten: choose!(flatten, "--flatten", net.arch.has_dense(), Flatten::Cyx),
    };
    if !missing.is_empty() {
        return Err(format!(
            "{arch}, but nothing in the file tells how it sees pictures and orders its answers: say which system it \
             is from with --from, or {} (`mtcnn-cpu weights import --help`)",
            missing.join(" and ")
        ));
    }

    let why = match (&recognised, options.from) {
        (_, Some(from)) => format!("as --from {} says", from.name()),
        (Some((_, _, why)), None) => why.clone(),
        (None, None) => "as said".into(),
    };
    let differs = base.is_some_and(|base| convention != base);
    let why = if differs { format!("{why}, but for what is said otherwise") } else { why };
    notes.insert(0, format!("{arch}, {}: {why}", convention.describe(&net)));
    if let Some((_, known, why)) = &recognised
        && known.describe(&net) != convention.describe(&net)
    {
        notes.push(format!("warning: this looks like {}: {why}", known.describe(&net)));
    }
    let source = options.from.or(recognised.and_then(|(source, ..)| source));
    Ok(Net { parameters: convention.apply(&net), source, notes })
}

/// What a file tells of its net: the system, if that is known, the convention, and what tells it.
fn recognise(net: &Assigned, likely: Option<(Source, String)>) -> Option<(Option<Source>, Convention, String)> {
    let convention = likely.as_ref().map(|(source, _)| Convention::of(*source));
    if let Some(original) = original(net, convention) {
        let why = "its values are those of the original MTCNN".into();
        return Some((likely.map(|(source, _)| source), original, why));
    }
    likely.map(|(source, why)| {
        (Some(source), Convention::of(source), format!("as files of {} are, {why}", source.name()))
    })
}

/// The convention in which a net has the values of the embedded one, the likely one first.
fn original(net: &Assigned, likely: Option<Convention>) -> Option<Convention> {
    let embedded = Model::embedded();
    let is_embedded = |name: &str, values: &[f32]| embedded.tensors.get(name).is_none_or(|known| known == values);
    // Slopes have no convention: most nets are known to be others by these.
    let slopes = net.arrays.iter().filter(|(name, _)| name.ends_with(".slope"));
    if !slopes.into_iter().all(|(name, values)| is_embedded(&format!("{}.{name}", net.arch.name()), values)) {
        return None;
    }
    let is_original = |convention: &Convention| {
        // Only a system that is known tells the order of landmarks that the embedded net doesn't have.
        let sure = net.arch.detects_points() || !net.has_landmarks() || likely == Some(*convention);
        sure && convention.apply(net).iter().all(|(name, values)| is_embedded(name, values))
    };
    likely.into_iter().chain(Convention::all()).find(is_original)
}

/// The description of an imported model.
fn describe(
    model: &Model,
    files: &[(&str, &[u8])],
    carried: &[Option<Description>],
    sources: &[Source],
    options: &ImportOptions,
    notes: &mut Vec<String>,
) -> Description {
    if options.origin.is_none() && options.licence.is_none() {
        if model.equals(&Model::embedded()) {
            notes.push(
                "the weights are those that this program has inside: their origin and licence are taken over".into(),
            );
            return description::embedded();
        }
        if let [Some(first), rest @ ..] = carried
            && rest.iter().all(|other| other.as_ref() == Some(first))
        {
            let mut description = first.clone();
            description.extend(description::of_origin("", None).into_iter().filter(|(key, _)| key != "origin"));
            return description;
        }
    }
    let base = |name: &str| name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let names: Vec<_> = files.iter().map(|(name, _)| base(name)).collect();
    let systems: Vec<_> = sources.iter().map(|source| source.name()).collect();
    let system = if systems.is_empty() { "imported".into() } else { systems.join(" and ") };
    let origin = options.origin.clone().unwrap_or_else(|| format!("{system}: {}", names.join(", ")));
    description::of_origin(&origin, options.licence.as_deref())
}
