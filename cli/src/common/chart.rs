//! Curves as an image: panels of lines, such as the losses of a training.

use std::io::Write;
use std::path::Path;
use std::sync::Once;

use ::image::{ImageFormat, RgbImage};
use anyhow::{Context, anyhow};
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use crate::common::save::Save;
use mtcnn_cpu::image::draw::FONT;

/// Lines in one pair of axes.
pub(crate) struct Panel<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    /// The range of the vertical axis; that of the lines if there is none.
    pub(crate) range: Option<(f64, f64)>,
    /// Names and points; the names are shown if there are several.
    pub(crate) lines: Vec<(&'a str, Vec<(f64, f64)>)>,
}

/// Of a panel, in pixels.
const SIZE: (u32, u32) = (640, 400);
/// Told apart by those who see no red or green, too (Okabe and Ito).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
];

/// Writes panels as a PNG, `columns` side by side.
pub(crate) fn write_panels(path: &Path, panels: &[Panel<'_>], columns: u32) -> anyhow::Result<()> {
    let rows = (panels.len() as u32).div_ceil(columns);
    let (width, height) = (SIZE.0 * columns, SIZE.1 * rows);
    let mut pixels = vec![0; (width * height * 3) as usize];
    draw(&mut pixels, (width, height), panels, (rows, columns))
        .with_context(|| format!("can't draw {}", path.to_string_lossy()))?;
    let image = RgbImage::from_raw(width, height, pixels).expect("as many bytes as pixels need");
    let mut png = std::io::Cursor::new(Vec::new());
    image.write_to(&mut png, ImageFormat::Png)?;
    let mut file = Save::begin(path)?;
    file.write_all(png.get_ref())?;
    file.finish()
}

fn draw(pixels: &mut [u8], size: (u32, u32), panels: &[Panel<'_>], grid: (u32, u32)) -> anyhow::Result<()> {
    static FONTS: Once = Once::new();
    // The drawing library looks fonts up by name; this one cannot fail, the file is in the program.
    FONTS.call_once(|| drop(register_font("sans-serif", FontStyle::Normal, FONT)));
    let failed = |error: &dyn std::fmt::Display| anyhow!("{error}");
    let root = BitMapBackend::with_buffer(pixels, size).into_drawing_area();
    root.fill(&WHITE).map_err(|error| failed(&error))?;
    for (area, panel) in root.split_evenly((grid.0 as usize, grid.1 as usize)).iter().zip(panels) {
        panel.draw(area).map_err(|error| failed(&error))?;
    }
    root.present().map_err(|error| failed(&error))
}

impl Panel<'_> {
    fn draw(
        &self,
        area: &DrawingArea<BitMapBackend<'_>, plotters::coord::Shift>,
    ) -> Result<(), DrawingAreaErrorKind<<BitMapBackend<'_> as DrawingBackend>::ErrorType>> {
        let points = || self.lines.iter().flat_map(|(_, points)| points.iter().copied());
        let bounds = |values: &mut dyn Iterator<Item = f64>| {
            let (low, high) = values
                .filter(|it| it.is_finite())
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(it), high.max(it)));
            if low < high { (low, high) } else { (low.clamp(-1e9, 0.0), high.clamp(1.0, 1e9)) }
        };
        let (left, right) = bounds(&mut points().map(|point| point.0));
        let (bottom, top) = self.range.unwrap_or_else(|| bounds(&mut points().map(|point| point.1)));
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .margin_right(28)
            .x_label_area_size(34)
            .y_label_area_size(56)
            .build_cartesian_2d(left..right, bottom..top)?;
        // Whole steps without a ".0".
        let label = |x: &f64| format!("{}", (x * 1e6).round() / 1e6);
        let mut mesh = chart.configure_mesh();
        mesh.x_desc(self.x).x_labels(6).y_labels(8).x_label_formatter(&label).light_line_style(TRANSPARENT).draw()?;
        for ((name, points), colour) in self.lines.iter().zip(COLOURS) {
            // A line beyond the axes ends at them.
            let inside = points.iter().map(|&(x, y)| (x, y.clamp(bottom, top)));
            let line = chart.draw_series(LineSeries::new(inside, colour.stroke_width(2)))?;
            line.label(*name).legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
        // Precision falls where recall grows: that corner is free.
        let corner =
            if self.range.is_some() { SeriesLabelPosition::LowerLeft } else { SeriesLabelPosition::MiddleRight };
        if self.lines.iter().filter(|(_, points)| !points.is_empty()).count() > 1 {
            chart
                .configure_series_labels()
                .position(corner)
                .background_style(WHITE.mix(0.8))
                .border_style(TRANSPARENT)
                .draw()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_drawn_also_of_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.png");
        write_panels(&path, &[Panel { title: "none", x: "step", range: None, lines: vec![("line", vec![])] }], 2)
            .unwrap();
        let lines: Vec<(f64, f64)> = vec![(0.0, 0.0), (50.0, 1.0), (100.0, f64::NAN)];
        let panel = Panel { title: "a line", x: "step", range: Some((0.0, 1.0)), lines: vec![("line", lines)] };
        write_panels(&path, &[panel], 1).unwrap();
        let image = ::image::open(&path).unwrap().to_rgb8();
        assert_eq!(image.dimensions(), SIZE);
        let RGBColor(r, g, b) = COLOURS[0];
        assert!(image.pixels().filter(|pixel| pixel.0 == [r, g, b]).count() > 200);
    }
}
