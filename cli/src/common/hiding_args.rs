//! Arguments that say how faces are hidden.

use clap::ValueEnum;
use mtcnn_cpu::image::blur::{Blur, BlurShape, BlurStyle};

/// How faces are hidden.
#[derive(Debug, clap::Args)]
pub(crate) struct Hiding {
    /// What becomes of a face [default: gaussian].
    #[arg(long, value_enum, value_name = "STYLE", help_heading = "Blur")]
    pub(crate) style: Option<Style>,

    /// The outline of what is hidden [default: ellipse].
    #[arg(long, value_enum, value_name = "SHAPE", help_heading = "Blur")]
    pub(crate) shape: Option<Shape>,

    /// By what the sides of a face's box are multiplied, about its centre, 0.5 to 10 [default: 1.3].
    #[arg(long, value_name = "FACTOR", value_parser = factor, help_heading = "Blur")]
    pub(crate) grow: Option<f64>,
}

impl Hiding {
    /// Whether anything was typed.
    pub(crate) fn is_given(&self) -> bool {
        self.style.is_some() || self.shape.is_some() || self.grow.is_some()
    }
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
        let usual = Self::default();
        Self {
            style: typed.style.map_or(usual.style, |style| match style {
                Style::Gaussian => BlurStyle::Gaussian,
                Style::Mosaic => BlurStyle::Mosaic,
                Style::Solid => BlurStyle::Solid([0; 4]),
            }),
            shape: typed.shape.map_or(usual.shape, |shape| match shape {
                Shape::Ellipse => BlurShape::Ellipse,
                Shape::Box => BlurShape::Box,
            }),
            grow: typed.grow.unwrap_or(usual.grow),
        }
    }
}
