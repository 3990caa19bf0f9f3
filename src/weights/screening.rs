//! What screening in low precision must know of a model: the ranges of its activations, and the margins, as measured.

use std::collections::HashMap;

use crate::arch::{Arch, Layer, Stage};

/// What the values of a channel lie between on typical images, and their mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Range {
    pub(crate) least: f32,
    pub(crate) most: f32,
    pub(crate) mean: f32,
}

/// What was measured of a net.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NetScreening {
    /// Of each layer but the last one before the heads, behind its pool, a range for each channel.
    pub(crate) layers: Vec<Vec<Range>>,
    /// From which threshold to which, and how far a logit in low precision may lie below such a threshold that the exact one
    /// passes; all are logits.
    pub(crate) margins: Vec<[f32; 3]>,
}

/// What was measured of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Screening {
    pub(crate) pnet: NetScreening,
    pub(crate) rnet: NetScreening,
    /// How many images were looked at.
    pub(crate) images: usize,
    /// The [fingerprint] of the nets that were measured.
    pub(crate) of: u64,
}

/// What was measured for the embedded weights.
static EMBEDDED: &str = include_str!("default/screening.txt");

/// The key under which a description has what was measured of its model.
pub(super) const SCREENING: &str = "screening";

impl Screening {
    /// What is known of the nets with these parameters: from the description of their file, or since they are the embedded ones.
    /// What was measured of other values holds no longer, and what can't be understood is none of ours: both cost time, and no
    /// face, so that they are left aside.
    pub(super) fn of_nets(tensors: &HashMap<String, Vec<f32>>, described: Option<&str>) -> Option<Self> {
        let of = fingerprint(tensors);
        let holds = |text: &str| Self::parse(text).filter(|known| known.of == of);
        described.and_then(holds).or_else(|| holds(EMBEDDED))
    }

    /// Reads lines of a net's name, a word and numbers: `margin` once for each range of thresholds, the number of a
    /// layer once a channel; and one with `images` and their number, and with `of` and the fingerprint. `None` if it is something
    /// else.
    fn parse(text: &str) -> Option<Self> {
        let mut screening = Self::default();
        for line in text.lines() {
            let mut words = line.split(' ');
            let net = match words.next()? {
                "images" => {
                    screening.images = words.next()?.parse().ok()?;
                    continue;
                }
                "of" => {
                    screening.of = u64::from_str_radix(words.next()?, 16).ok()?;
                    continue;
                }
                "pnet" => &mut screening.pnet,
                "rnet" => &mut screening.rnet,
                _ => return None,
            };
            let word = words.next()?;
            let number = |word: &str| word.parse().ok().filter(|number: &f32| number.is_finite());
            let numbers: Vec<f32> = words.map(number).collect::<Option<_>>()?;
            match (word, &numbers[..]) {
                ("margin", &[from, to, margin]) if from < to && margin > 0.0 => net.margins.push([from, to, margin]),
                (number, &[least, most, mean]) if least <= mean && mean <= most => {
                    let number: usize = number.parse().ok().filter(|number| (1..=8).contains(number))?;
                    net.layers.resize(net.layers.len().max(number), Vec::new());
                    net.layers[number - 1].push(Range { least, most, mean });
                }
                _ => return None,
            }
        }
        let fits = |net: &NetScreening, stage: Stage| net.layers.iter().map(Vec::len).eq(measured_layers(stage));
        (fits(&screening.pnet, Stage::PNet) && fits(&screening.rnet, Stage::RNet)).then_some(screening)
    }

    /// The bytes of a model file with this in its description, and all else as it was.
    #[cfg(feature = "convert")]
    pub(crate) fn written_into(&self, model: &[u8]) -> Vec<u8> {
        super::description::with_entry(model, SCREENING, &self.to_text())
    }

    /// As it is read.
    #[cfg(any(feature = "convert", feature = "train"))]
    pub(super) fn to_text(&self) -> String {
        use std::fmt::Write;
        let mut text = format!("images {}\nof {:016x}\n", self.images, self.of);
        for (stage, net) in [(Stage::PNet, &self.pnet), (Stage::RNet, &self.rnet)] {
            for [from, to, margin] in &net.margins {
                writeln!(text, "{stage} margin {from} {to} {margin}").expect("a string has room");
            }
            for (k, layer) in net.layers.iter().enumerate() {
                for Range { least, most, mean } in layer {
                    writeln!(text, "{stage} {} {least} {most} {mean}", k + 1).expect("a string has room");
                }
            }
        }
        text
    }
}

/// The channels of each layer of which ranges are measured: every one but the last, of which no bytes are made.
pub(crate) fn measured_layers(stage: Stage) -> impl Iterator<Item = usize> {
    let channels = stage.arch(0).layers.iter().filter_map(|layer| match *layer {
        Layer::Conv { outputs, .. } | Layer::Dense { outputs, .. } => Some(outputs),
        Layer::MaxPool(_) => None,
    });
    let channels: Vec<_> = channels.collect();
    let last = channels.len() - 1;
    channels.into_iter().take(last)
}

/// A number that another value anywhere in PNet or RNet changes, but for their points, which no detection uses: FNV-1a, a value
/// at a time.
pub(super) fn fingerprint(tensors: &HashMap<String, Vec<f32>>) -> u64 {
    let parameters =
        [Stage::PNet, Stage::RNet].map(|stage| stage.arch(0)).into_iter().flat_map(|arch: Arch| arch.parameters());
    let values = parameters.flat_map(|parameter| &tensors[&parameter.name]);
    values.fold(0xcbf2_9ce4_8422_2325, |hash, value| (hash ^ u64::from(value.to_bits())).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Model;

    #[test]
    fn what_comes_with_the_embedded_weights_is_theirs() {
        let known = Screening::parse(EMBEDDED).unwrap();
        assert_eq!(format!("{:016x}", known.of), format!("{:016x}", fingerprint(&Model::embedded().tensors)));
        assert!(!known.pnet.margins.is_empty() && !known.rnet.margins.is_empty());
    }

    #[test]
    fn what_was_measured_holds_of_the_same_nets_only() {
        let mut tensors = Model::embedded().tensors;
        let known = Screening::parse(EMBEDDED);
        assert_eq!(Screening::of_nets(&tensors, None), known.clone(), "those of the embedded weights, in any file");
        // ONet has no part in it.
        tensors.get_mut("onet.cls.bias").unwrap()[0] += 1.0;
        assert_eq!(Screening::of_nets(&tensors, None), known.clone());
        let last = tensors.get_mut("rnet.box.bias").unwrap().last_mut().unwrap();
        *last = f32::from_bits(last.to_bits() + 1);
        assert_eq!(Screening::of_nets(&tensors, None), None, "a bit of RNet");
        assert_eq!(Screening::of_nets(&tensors, Some(EMBEDDED)), None, "measured of others");
        let own = Screening { of: fingerprint(&tensors), ..known.unwrap() };
        assert_eq!(Screening::of_nets(&tensors, Some(&own.to_text())), Some(own));
        assert_eq!(Screening::of_nets(&tensors, Some("of 12")), None, "no layers");
    }

    #[test]
    fn other_text_is_refused() {
        for line in [
            "onet margin 1 2 3",
            "pnet margin",
            "pnet margin 1 2 three",
            "pnet margin 2 1 3",
            "pnet margin 1 2 0",
            "pnet margin 1 2 inf",
            "pnet 0 1 2 3",
            "pnet 9 1 3 2",
            "pnet 1 1 2",
            "pnet 1 1 3 2",
            "rnet 3 2 1 1",
            "of",
            "of nothing",
            "images -1",
            "# a comment",
            "x",
        ] {
            assert_eq!(Screening::parse(&format!("{EMBEDDED}{line}\n")), None, "{line}");
        }
    }
}
