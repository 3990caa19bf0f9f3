//! What screening in low precision must know of a model: the ranges of its activations, and the margins, as measured.

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
}

/// What was measured for the embedded weights.
static EMBEDDED: &str = include_str!("default/screening.txt");

impl Screening {
    /// Of the embedded weights.
    pub(crate) fn embedded() -> Self {
        Self::parse(EMBEDDED).unwrap_or_else(|| unreachable!("what comes with the embedded weights is whole"))
    }

    /// Reads lines of a net's name, a word and numbers: `margin` once for each range of thresholds, the number of a
    /// layer once a channel. Lines that begin with `#` are comments. `None` if it is something else.
    fn parse(text: &str) -> Option<Self> {
        let mut screening = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let net = match words.next()? {
                "pnet" => &mut screening.pnet,
                "rnet" => &mut screening.rnet,
                _ => return None,
            };
            let word = words.next()?;
            let numbers: Vec<f32> = words.map(|number| number.parse().ok()).collect::<Option<_>>()?;
            match (word, &numbers[..]) {
                ("margin", &[from, to, margin]) => net.margins.push([from, to, margin]),
                (number, &[least, most, mean]) => {
                    let number: usize = number.parse().ok().filter(|number| (1..=8).contains(number))?;
                    net.layers.resize(net.layers.len().max(number), Vec::new());
                    net.layers[number - 1].push(Range { least, most, mean });
                }
                _ => return None,
            }
        }
        Some(screening)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_the_embedded_weights_fits_their_nets() {
        let Screening { pnet, rnet } = Screening::embedded();
        let channels = |net: &NetScreening| net.layers.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!((channels(&pnet), channels(&rnet)), (vec![10, 16], vec![28, 48, 64]));
        for net in [pnet, rnet] {
            assert!(net.margins.iter().all(|&[from, to, margin]| from < to && margin > 0.0));
            assert!(net.layers.iter().flatten().all(|range| range.least <= range.mean && range.mean <= range.most));
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "onet margin 1 2 3",
            "pnet margin",
            "pnet margin 1 2 three",
            "pnet 0 1 2 3",
            "pnet 9 1 2 3",
            "pnet 1 1 2",
            "x",
        ] {
            assert_eq!(Screening::parse(text), None, "{text}");
        }
    }
}
