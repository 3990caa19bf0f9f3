//! Arguments that say how faces are hidden.

use clap::ValueEnum;
use mtcnn_cpu::image::blur::{Blur, BlurShape, BlurStyle};

/// How faces are hidden.
#[derive(Debug, clap::Args)]
pub(crate) struct Hiding {
    /// What becomes of a face.
    #[arg(long, value_enum, value_name = "STYLE", default_value = "gaussian", help_heading = "Blur")]
    pub(crate) style: Style,

    /// The outline of what is hidden.
    #[arg(long, value_enum, value_name = "SHAPE", default_value = "ellipse", help_heading = "Blur")]
    pub(crate) shape: Shape,

    /// By what the sides of a face's box are multiplied, about its centre, 0.5 to 10.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.3, value_parser = factor, help_heading = "Blur")]
    pub(crate) grow: f64,
}

/// What becomes of a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Style {
    /// Blurred: pleasant, but some of it can be won back
    Gaussian,
    /// Square cells of one colour: the same
    Mosaic,
    /// Black: nothing is left of it
    Solid,
}

/// The outline of what is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// The ellipse in the box
    Ellipse,
    /// The whole box
    Box,
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(factor) if (0.5..=10.0).contains(&factor) => Ok(factor),
        _ => Err("a number is needed, from 0.5 to 10".into()),
    }
}

impl From<&Hiding> for Blur {
    fn from(typed: &Hiding) -> Self {
        Self {
            style: match typed.style {
                Style::Gaussian => BlurStyle::Gaussian,
                Style::Mosaic => BlurStyle::Mosaic,
                Style::Solid => BlurStyle::Solid([0; 4]),
            },
            shape: match typed.shape {
                Shape::Ellipse => BlurShape::Ellipse,
                Shape::Box => BlurShape::Box,
            },
            grow: typed.grow,
        }
    }
}
