//! How a system's nets see images and what they answer, and how to come from there to ours: upright, RGB, the
//! inputs of the first dense layer in the order (channel, row, column), landmarks x1 y1 … x5 y5.

use super::assign::Assigned;
use super::source::Source;
use crate::arch::Layer;
use crate::choice::choice;

choice! {
    /// How a net sees an image.
    pub enum Orientation {
        /// As it is.
        Upright = "upright",
        /// Rows as columns, as Matlab trains.
        Transposed = "transposed",
    }
}

choice! {
    /// The order of a pixel's colours.
    pub enum Colours {
        /// Red first.
        Rgb = "rgb",
        /// Blue first, as OpenCV reads images.
        Bgr = "bgr",
    }
}

choice! {
    /// The order of the landmarks' values.
    pub enum LandmarkOrder {
        /// x1 y1 x2 y2 …
        Interleaved = "interleaved",
        /// x1 x2 … y1 y2 …
        Separate = "separate",
    }
}

choice! {
    /// The order of the inputs of the first dense layer, the slowest index first: channel c, the image's row y and
    /// column x.
    pub enum Flatten {
        /// Channel, row, column.
        Cyx = "cyx",
        /// Channel, column, row.
        Cxy = "cxy",
        /// Row, column, channel.
        Yxc = "yxc",
        /// Column, row, channel.
        Xyc = "xyc",
    }
}

/// All four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Convention {
    pub(super) orientation: Orientation,
    pub(super) colours: Colours,
    pub(super) landmarks: LandmarkOrder,
    pub(super) flatten: Flatten,
}

impl Convention {
    /// What a system's files have.
    pub(super) fn of(source: Source) -> Self {
        let of = |orientation, colours, landmarks, flatten| Self { orientation, colours, landmarks, flatten };
        match source {
            Source::Kpzhang => of(Orientation::Transposed, Colours::Rgb, LandmarkOrder::Separate, Flatten::Cxy),
            Source::MtcnnCaffe => of(Orientation::Upright, Colours::Bgr, LandmarkOrder::Interleaved, Flatten::Cyx),
            // The kernels are turned upright there, the dense layer is as TensorFlow had it.
            Source::FacenetPytorch | Source::Ipazc => {
                of(Orientation::Upright, Colours::Rgb, LandmarkOrder::Separate, Flatten::Xyc)
            }
            Source::Davidsandberg => of(Orientation::Transposed, Colours::Rgb, LandmarkOrder::Separate, Flatten::Xyc),
            Source::MtcnnCpu => of(Orientation::Upright, Colours::Rgb, LandmarkOrder::Interleaved, Flatten::Cyx),
        }
    }

    /// Every one that there may be.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let orders = |orientation, colours| {
            LandmarkOrder::ALL.iter().flat_map(move |&landmarks| {
                Flatten::ALL.iter().map(move |&flatten| Self { orientation, colours, landmarks, flatten })
            })
        };
        let colours = move |orientation| Colours::ALL.iter().flat_map(move |&colours| orders(orientation, colours));
        Orientation::ALL.iter().flat_map(move |&orientation| colours(orientation))
    }

    /// For people: what of it matters to this net.
    pub(super) fn describe(&self, net: &Assigned) -> String {
        let mut text = format!("{}, {}", self.orientation, self.colours.name().to_uppercase());
        if net.arch.has_dense() {
            text += &format!(", dense inputs {}", self.flatten);
        }
        if net.has_landmarks() {
            let last = net.arch.points;
            text += &match self.landmarks {
                LandmarkOrder::Interleaved => format!(", landmarks x1 y1 … x{last} y{last}"),
                LandmarkOrder::Separate => format!(", landmarks x1 … x{last} y1 … y{last}"),
            };
        }
        text
    }

    /// The net's parameters in our order, by their names in a model file.
    pub(super) fn apply(&self, net: &Assigned) -> Vec<(String, Vec<f32>)> {
        let mut arrays = net.arrays.clone();
        let mut change = |name: &str, change: &dyn Fn(&[f32]) -> Vec<f32>| {
            if let Some(values) = arrays.get_mut(name) {
                *values = change(values);
            }
        };
        for layer in net.arch.layers {
            match *layer {
                Layer::Conv { name, size, inputs, .. } => {
                    let swap_colours = self.colours == Colours::Bgr && inputs == 3;
                    let transpose = self.orientation == Orientation::Transposed;
                    change(&format!("{name}.weight"), &|values| kernels(values, inputs, size, swap_colours, transpose));
                }
                Layer::MaxPool(_) => {}
                Layer::Dense { name, side, channels, .. } => {
                    change(&format!("{name}.weight"), &|values| self.flatten.columns(values, channels, side));
                }
            }
        }
        if self.landmarks == LandmarkOrder::Separate {
            for part in ["lm.weight", "lm.bias"] {
                change(part, &|values| interleave(values, net.arch.points));
            }
        }
        arrays.into_iter().map(|(name, values)| (format!("{}.{name}", net.arch.name()), values)).collect()
    }
}

/// Kernels `[outputs][inputs][size][size]` with their colours or their two places swapped.
fn kernels(values: &[f32], inputs: usize, size: usize, swap_colours: bool, transpose: bool) -> Vec<f32> {
    let area = size * size;
    let place = |i: usize| {
        let (output, input, place) = (i / (inputs * area), i / area % inputs, i % area);
        let input = if swap_colours { inputs - 1 - input } else { input };
        let place = if transpose { place % size * size + place / size } else { place };
        (output * inputs + input) * area + place
    };
    (0..values.len()).map(|i| values[place(i)]).collect()
}

impl Flatten {
    /// Columns in this order to (channel, row, column).
    fn columns(self, values: &[f32], channels: usize, side: usize) -> Vec<f32> {
        let area = side * side;
        let place = |i: usize| {
            let (row, c, y, x) = (i / (channels * area), i / area % channels, i % area / side, i % side);
            let column = match self {
                Flatten::Cyx => c * area + y * side + x,
                Flatten::Cxy => c * area + x * side + y,
                Flatten::Yxc => (y * side + x) * channels + c,
                Flatten::Xyc => (x * side + y) * channels + c,
            };
            row * channels * area + column
        };
        (0..values.len()).map(|i| values[place(i)]).collect()
    }
}

/// Rows x1 … x5 y1 … y5, or of as many points as there are, to x1 y1 … x5 y5.
fn interleave(values: &[f32], points: usize) -> Vec<f32> {
    let rows: Vec<_> = values.chunks_exact(values.len() / (2 * points)).collect();
    (0..points).flat_map(|point| [rows[point], rows[point + points]].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(count: usize) -> Vec<f32> {
        (0..count).map(|number| number as f32).collect()
    }

    #[test]
    fn values_come_to_their_places() {
        assert_eq!(kernels(&count(12), 3, 2, true, false), [8., 9., 10., 11., 4., 5., 6., 7., 0., 1., 2., 3.]);
        assert_eq!(kernels(&count(8), 1, 2, false, true), [0., 2., 1., 3., 4., 6., 5., 7.]);
        // Two channels of two rows and two columns.
        assert_eq!(Flatten::Cyx.columns(&count(8), 2, 2), count(8));
        assert_eq!(Flatten::Cxy.columns(&count(8), 2, 2), [0., 2., 1., 3., 4., 6., 5., 7.]);
        assert_eq!(Flatten::Yxc.columns(&count(8), 2, 2), [0., 2., 4., 6., 1., 3., 5., 7.]);
        assert_eq!(Flatten::Xyc.columns(&count(8), 2, 2), [0., 4., 2., 6., 1., 5., 3., 7.]);
        assert_eq!(interleave(&count(10), 5), [0., 5., 1., 6., 2., 7., 3., 8., 4., 9.]);
        assert_eq!(interleave(&count(20), 5)[..6], [0., 1., 10., 11., 2., 3.]);
    }
}
