//! A place of an image, enlarged, several times side by side with different boxes drawn on it, and text below.

use ::image::imageops::{self, FilterType};
use ::image::{Rgb, RgbImage};

use super::draw::{ACCENT, Artist, INK, rounded, with_artist};

/// A box to be drawn.
#[derive(Clone, Debug)]
pub struct Mark {
    /// `[x1, y1, x2, y2]` in pixels of the image.
    pub corners: [f64; 4],
    /// What it is.
    pub colour: Colour,
    /// Stands at its upper left corner.
    pub label: Option<String>,
}

/// What a box is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// The place that is asked about.
    Asked,
    /// A box that goes on.
    Passed,
    /// A box that is lost.
    Lost,
}

/// One view of the place.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Stands above it.
    pub title: String,
    /// The last is on top.
    pub marks: Vec<Mark>,
}

/// The side of a panel, in pixels.
const SIDE: u32 = 420;
/// About panels.
const MARGIN: u32 = 14;
/// Of text.
const SIZE: f32 = 15.0;
/// From one line of text to the next.
const LINE: u32 = 24;
/// What is seen of the image, in parts of the longer side of the place; and in pixels at least.
const AROUND: (f64, f64) = (2.6, 32.0);

impl Colour {
    fn rgb(self) -> [u8; 3] {
        match self {
            Colour::Asked => [255, 214, 10],
            Colour::Passed => ACCENT,
            Colour::Lost => [240, 80, 66],
        }
    }
}

/// Draws panels with the surroundings of a place `[x1, y1, x2, y2]`, and lines of text, which are broken where they are
/// too long.
#[must_use]
pub fn draw_panels(image: &RgbImage, place: [f64; 4], panels: &[Panel], text: &[&str]) -> RgbImage {
    let window = Window::around(image, place);
    let width = panels.len() as u32 * (SIDE + MARGIN) + MARGIN;
    let lines = broken(text, (width - 2 * MARGIN) as f32);
    let top = MARGIN / 2 + LINE;
    let height = top + SIDE + MARGIN + lines.len() as u32 * LINE + MARGIN / 2;
    let mut canvas = RgbImage::from_pixel(width, height, Rgb([255; 3]));
    for (panel, left) in panels.iter().zip((0..).map(|i| MARGIN + i * (SIDE + MARGIN))) {
        // Each is drawn for itself, so that no box reaches into the next one.
        imageops::replace(&mut canvas, &window.draw(image, &panel.marks), left.into(), top.into());
    }
    with_artist(&mut canvas, |artist| {
        for (panel, left) in panels.iter().zip((0..).map(|i| MARGIN + i * (SIDE + MARGIN))) {
            artist.text(&panel.title, left as f32, (top - 8) as f32, SIZE);
        }
        let first = top + SIDE + MARGIN;
        for (line, y) in lines.iter().zip((0..).map(|i| first + i * LINE + LINE / 2)) {
            artist.text(line, MARGIN as f32, y as f32, SIZE);
        }
    });
    canvas
}

/// A square part of an image, enlarged.
struct Window {
    /// The first column and row.
    from: [f64; 2],
    /// Pixels of a panel that a pixel of the image becomes.
    scale: f64,
}

impl Window {
    fn around(image: &RgbImage, [x1, y1, x2, y2]: [f64; 4]) -> Self {
        let side = ((x2 - x1).max(y2 - y1) * AROUND.0).max(AROUND.1);
        // No more than the image has, if the place is nearly all of it or goes beyond it.
        let longer = f64::from(image.width().max(image.height()));
        let side = side.min(1.2 * longer).round().max(1.0);
        let from = |low: f64, high: f64, length: u32| {
            let length = f64::from(length);
            ((low.max(0.0) + high.min(length)) / 2.0 - side / 2.0).round()
        };
        let from = [from(x1, x2, image.width()), from(y1, y2, image.height())];
        Self { from, scale: f64::from(SIDE) / side }
    }

    fn draw(&self, image: &RgbImage, marks: &[Mark]) -> RgbImage {
        let mut panel = RgbImage::from_pixel(SIDE, SIDE, Rgb([232; 3]));
        let side = f64::from(SIDE) / self.scale;
        let span = |from: f64, length: u32| {
            let first = from.clamp(0.0, f64::from(length));
            (first as u32, ((from + side).clamp(first, f64::from(length)) - first) as u32)
        };
        let ((x, width), (y, height)) = (span(self.from[0], image.width()), span(self.from[1], image.height()));
        if width > 0 && height > 0 {
            let part = imageops::crop_imm(image, x, y, width, height).to_image();
            let enlarged = |length: u32| ((f64::from(length) * self.scale).round() as u32).clamp(1, SIDE);
            let part = imageops::resize(&part, enlarged(width), enlarged(height), FilterType::CatmullRom);
            let at = |first: u32, from: f64| ((f64::from(first) - from) * self.scale).round() as i64;
            imageops::replace(&mut panel, &part, at(x, self.from[0]), at(y, self.from[1]));
        }
        with_artist(&mut panel, |artist| marks.iter().for_each(|mark| self.mark(artist, mark)));
        panel
    }

    fn mark(&self, artist: &mut Artist<'_>, Mark { corners: [x1, y1, x2, y2], colour, label }: &Mark) {
        let at = |position: f64, axis: usize| ((position - self.from[axis]) * self.scale) as f32;
        let (x1, y1, x2, y2) = (at(*x1, 0), at(*y1, 1), at(*x2, 0), at(*y2, 1));
        let line = if *colour == Colour::Asked { 4.0 } else { 2.0 };
        let Some(path) = rounded(x1, y1, x2, y2, line) else { return };
        artist.stroke(&path, line + 1.6, INK, 0.45);
        artist.stroke(&path, line, colour.rgb(), 1.0);
        let Some(label) = label else { return };
        let size = 13.0;
        let (width, height) = (artist.text_width(label, size) + 8.0, size * 1.25);
        let left = x1.clamp(0.0, SIDE as f32 - width).round();
        let top = (y1 - height).clamp(0.0, SIDE as f32 - height).round();
        if let Some(path) = rounded(left, top, left + width, top + height, 2.0) {
            artist.fill(&path, colour.rgb(), 1.0);
        }
        artist.text(label, left + 4.0, top + (height + 0.73 * size) / 2.0, size);
    }
}

/// Lines of at most `width` pixels, broken between words.
fn broken(text: &[&str], width: f32) -> Vec<String> {
    let mut lines = Vec::new();
    with_artist(&mut RgbImage::new(1, 1), |artist| {
        for whole in text {
            let mut line = String::new();
            for word in whole.split(' ') {
                let longer = if line.is_empty() { word.to_string() } else { format!("{line} {word}") };
                if !line.is_empty() && artist.text_width(&longer, SIZE) > width {
                    lines.push(std::mem::replace(&mut line, word.to_string()));
                } else {
                    line = longer;
                }
            }
            lines.push(line);
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_in_the_middle_of_each_panel() {
        let image = RgbImage::from_pixel(400, 300, Rgb([128; 3]));
        let place = [100.0, 100.0, 150.0, 150.0];
        let mark = |colour| Mark { corners: place, colour, label: None };
        let panels = [Colour::Asked, Colour::Lost].map(|colour| Panel { title: "a".into(), marks: vec![mark(colour)] });
        let drawn = draw_panels(&image, place, &panels, &["a line"]);
        assert_eq!(drawn.width(), 2 * SIDE + 3 * MARGIN);
        // The place is 1 / 2.6 of a panel.
        let edge = (f64::from(SIDE) * (0.5 - 0.5 / AROUND.0)).round() as u32;
        for (i, colour) in [Colour::Asked, Colour::Lost].into_iter().enumerate() {
            let left = MARGIN + i as u32 * (SIDE + MARGIN);
            let middle = MARGIN / 2 + LINE + SIDE / 2;
            assert_eq!(drawn.get_pixel(left + edge, middle).0, colour.rgb(), "{colour:?}");
            assert_eq!(drawn.get_pixel(left + SIDE / 2, middle).0, [128; 3], "the face itself is left alone");
        }
        let below = (0..drawn.width()).flat_map(|x| (MARGIN / 2 + LINE + SIDE..drawn.height()).map(move |y| (x, y)));
        assert!(below.filter(|&(x, y)| drawn.get_pixel(x, y).0[0] < 64).count() > 20, "the text is there");
    }

    /// Places at the border and boxes beyond it, in images of odd forms.
    #[test]
    fn nothing_beyond_the_image_does_harm() {
        let odd = [f64::NAN, f64::INFINITY, -1e30, 1e30, 0.0];
        let marks = odd.map(|v| Mark { corners: [v, 3.0, 20.0, v], colour: Colour::Passed, label: Some("0.5".into()) });
        let panels = [Panel { title: String::new(), marks: marks.into() }];
        for (width, height) in [(1, 1), (13, 11), (2000, 1), (400, 300)] {
            let image = RgbImage::new(width, height);
            for place in [[-30.0, -30.0, 5.0, 5.0], [0.0, 0.0, 1e9, 1e9], [0.5, 0.5, 0.6, 0.6], [-1e9, 0.0, 1.0, 1.0]] {
                assert_eq!(draw_panels(&image, place, &panels, &["a"]).width(), SIDE + 2 * MARGIN);
            }
        }
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        assert_eq!(broken(&["aaa bbb ccc", "d"], 1.0), ["aaa", "bbb", "ccc", "d"]);
        assert_eq!(broken(&["aaa bbb ccc", "d"], 1000.0), ["aaa bbb ccc", "d"]);
    }
}
