//! A net of a file in our convention: recognised, or as the caller says.

use super::assign::{Assigned, assign};
use super::convention::{Colours, Convention, Flatten, LandmarkOrder, Orientation};
use super::layers::Layer;
use super::options::ImportOptions;
use super::source::Source;
use crate::arch::Arch;
use crate::weights::model::Model;

/// A net in our convention.
pub(super) struct Net {
    pub(super) arch: Arch,
    /// By their names in a model file.
    pub(super) parameters: Vec<(String, Vec<f32>)>,
    /// The system that it is from, if that is known.
    pub(super) source: Option<Source>,
    pub(super) notes: Vec<String>,
}

impl Net {
    /// Of the layers of one net in a file that is likely from a system, which the second value tells.
    pub(super) fn read(
        layers: Vec<Layer>,
        likely: Option<&(Source, String)>,
        options: &ImportOptions,
    ) -> Result<Self, String> {
        let mut net = assign(layers)?;
        let mut notes = Vec::new();
        // What was exported has what its model file had.
        let exported = likely.is_some_and(|&(source, _)| source == Source::MtcnnCpu);
        if net.arch.detects_points() && !net.has_landmarks() && !exported {
            return Err(format!("{} has no head for points that could be told from its others", net.arch.name()));
        }
        if !options.all_heads && !exported && net.drop_unused_landmarks() {
            let name = net.arch.name();
            notes.push(format!("the landmark head of {name} is left out: no detection uses it (--all-heads keeps it)"));
        }
        let recognised = recognise(&net, likely);
        let convention = choose(&net, recognised.as_ref(), options)?;
        notes.insert(0, explain(&net, convention, recognised.as_ref(), options));
        if let Some(Recognised { convention: known, why, .. }) = &recognised
            && known.describe(&net) != convention.describe(&net)
        {
            notes.push(format!("warning: this looks like {}: {why}", known.describe(&net)));
        }
        let source = options.from.or(recognised.and_then(|recognised| recognised.source));
        Ok(Self { arch: net.arch, parameters: convention.apply(&net), source, notes })
    }
}

/// What a file tells of its net.
struct Recognised {
    source: Option<Source>,
    convention: Convention,
    why: String,
}

/// As the options say and, where they do not, as the file tells.
fn choose(net: &Assigned, recognised: Option<&Recognised>, options: &ImportOptions) -> Result<Convention, String> {
    let base = options.from.map(Convention::of).or(recognised.map(|recognised| recognised.convention));
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
    match missing.is_empty() {
        true => Ok(convention),
        false => Err(format!(
            "{}, but nothing in the file tells how it sees images and orders its answers: say which system it is from with \
             --from, or {} (`mtcnn-cpu weights import --help`)",
            net.arch.name(),
            missing.join(" and ")
        )),
    }
}

/// For people: the net, its convention, and why.
fn explain(net: &Assigned, convention: Convention, recognised: Option<&Recognised>, options: &ImportOptions) -> String {
    let (base, why) = match (recognised, options.from) {
        (_, Some(from)) => (Some(Convention::of(from)), format!("as --from {from} says")),
        (Some(recognised), None) => (Some(recognised.convention), recognised.why.clone()),
        (None, None) => (None, "as said".into()),
    };
    let but = if base.is_some_and(|base| convention != base) { ", but for what is said otherwise" } else { "" };
    format!("{}, {}: {why}{but}", net.arch.name(), convention.describe(net))
}

fn recognise(net: &Assigned, likely: Option<&(Source, String)>) -> Option<Recognised> {
    let (source, convention) = (likely.map(|likely| likely.0), likely.map(|likely| Convention::of(likely.0)));
    if let Some(convention) = original(net, convention) {
        return Some(Recognised { source, convention, why: "its values are those of the original MTCNN".into() });
    }
    let (source, why) = likely?;
    let why = format!("as files of {source} are, {why}");
    Some(Recognised { source: Some(*source), convention: Convention::of(*source), why })
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
