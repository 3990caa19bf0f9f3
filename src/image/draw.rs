//! Faces drawn on an image: a box, a tag with the score, and its points.

use ::image::RgbImage;
use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use tiny_skia::{Color, FillRule, Paint, Path, PathBuilder, PixmapMut, Rect, Stroke, Transform};

use crate::face::Face;
use crate::geometry::BBox;

/// Subset to ASCII; its origin is in `font/README.md`.
pub const FONT: &[u8] = include_bytes!("font/DejaVuSans-Bold-ascii.ttf");

/// Of boxes and tags: bright, and rare in photographs.
pub(super) const ACCENT: [u8; 3] = [57, 231, 145];
/// Of text and outlines: nearly black, so that the accent is seen on bright ground too.
pub(super) const INK: [u8; 3] = [10, 26, 20];
/// Of landmarks.
const DOT: [u8; 3] = [255, 255, 255];

/// Draws the faces, the best last, so that it is on top.
///
/// Lines and letters scale with the image, and are finer on a small face.
pub fn draw(image: &mut RgbImage, faces: &[Face]) {
    draw_with(image, faces, |index| format!("{:.3}", faces[index].score));
}

/// The same, with other tags than the scores: `tag` gives that of the face of an index. Letters beyond ASCII are left out.
pub fn draw_with(image: &mut RgbImage, faces: &[Face], tag: impl Fn(usize) -> String) {
    with_artist(image, |artist| {
        for face in faces.iter().rev() {
            artist.outline(face);
            artist.points(face);
        }
        // Tags come last: no line of a neighbour goes through them.
        for (index, face) in faces.iter().enumerate().rev() {
            artist.tag(face, &tag(index));
        }
    });
}

/// Lets somebody draw on an image.
pub(super) fn with_artist(image: &mut RgbImage, work: impl FnOnce(&mut Artist<'_>)) {
    let Ok(font) = FontRef::try_from_slice(FONT) else { return };
    let mut pixels: Vec<u8> = image.pixels().flat_map(|&::image::Rgb([r, g, b])| [r, g, b, 255]).collect();
    let Some(canvas) = PixmapMut::from_bytes(&mut pixels, image.width(), image.height()) else { return };
    work(&mut Artist { canvas, font, unit: unit(image) });
    for (pixel, drawn) in image.pixels_mut().zip(pixels.chunks_exact(4)) {
        pixel.0.copy_from_slice(&drawn[..3]);
    }
}

/// The thickness of a line on a large face: what looks alike on images of any size.
fn unit(image: &RgbImage) -> f32 {
    let (width, height) = (image.width() as f32, image.height() as f32);
    ((width * height).sqrt() / 380.0).max(1.5)
}

/// Draws lines, areas and text.
pub(super) struct Artist<'a> {
    canvas: PixmapMut<'a>,
    font: FontRef<'a>,
    unit: f32,
}

impl Artist<'_> {
    /// The thickness of lines for this face.
    fn line(&self, face: &Face) -> f32 {
        (side(&face.bbox) / 28.0).clamp(1.2, self.unit.max(1.2))
    }

    fn outline(&mut self, face: &Face) {
        let line = self.line(face);
        let BBox { x1, y1, x2, y2 } = face.bbox;
        let Some(path) = rounded(x1, y1, x2, y2, 2.0 * line) else { return };
        self.stroke(&path, line + 1.6, INK, 0.45);
        self.stroke(&path, line, ACCENT, 1.0);
    }

    fn points(&mut self, face: &Face) {
        let radius = (side(&face.bbox) / 42.0).clamp(0.9, 1.7 * self.unit);
        for (_, point) in face.named_points() {
            let mut dot = |radius, colour, opacity| {
                // A point of 0 is the centre of the first pixel, which is drawn at half a pixel.
                if let Some(path) = PathBuilder::from_circle(point.x + 0.5, point.y + 0.5, radius) {
                    self.fill(&path, colour, opacity);
                }
            };
            dot(radius + (radius * 0.4).max(0.7), INK, 0.75);
            dot(radius, DOT, 1.0);
        }
    }

    /// Text on a label that stands on the box, or hangs in it where the image ends.
    fn tag(&mut self, face: &Face, text: &str) {
        let line = self.line(face);
        let size = (side(&face.bbox) * 0.17).clamp(10.0, (6.5 * self.unit).max(10.0));
        let (pad, text_width) = (size * 0.32, self.text_width(text, size));
        let (width, height) = (text_width + 2.0 * pad, size * 1.25);

        let left_most = (self.canvas.width() as f32 - width).max(0.0);
        let left = (face.bbox.x1 - line / 2.0).clamp(0.0, left_most).round();
        let above = face.bbox.y1 - line / 2.0 - height;
        let top = if above >= 0.0 { above } else { (face.bbox.y1 + line / 2.0).max(0.0) }.round();

        if let Some(path) = rounded(left, top, left + width, top + height, 1.5 * line) {
            self.fill(&path, ACCENT, 1.0);
        }
        // Capitals and digits of this font are 0.73 of its size high: so the text is centred.
        self.text(text, left + pad, top + (height + 0.73 * size) / 2.0, size);
    }

    pub(super) fn text_width(&self, text: &str, size: f32) -> f32 {
        let font = self.font.as_scaled(self.scale(size));
        text.chars().map(|c| font.h_advance(font.glyph_id(c))).sum()
    }

    /// `size` is that of an em; the font's own scale is the height of its line.
    fn scale(&self, size: f32) -> PxScale {
        let em = self.font.units_per_em().unwrap_or(2048.0);
        PxScale::from(size * self.font.height_unscaled() / em)
    }

    /// Ink on the baseline `y`, from `x` on.
    pub(super) fn text(&mut self, text: &str, x: f32, y: f32, size: f32) {
        let scale = self.scale(size);
        let mut x = x;
        for c in text.chars() {
            let id = self.font.glyph_id(c);
            let glyph = id.with_scale_and_position(scale, point(x, y));
            x += self.font.as_scaled(scale).h_advance(id);
            let Some(outlined) = self.font.outline_glyph(glyph) else { continue };
            let bounds = outlined.px_bounds();
            outlined.draw(|dx, dy, coverage| {
                self.blend(bounds.min.x as i64 + i64::from(dx), bounds.min.y as i64 + i64::from(dy), coverage);
            });
        }
    }

    /// Ink over one pixel.
    fn blend(&mut self, x: i64, y: i64, coverage: f32) {
        let (width, height) = (i64::from(self.canvas.width()), i64::from(self.canvas.height()));
        if !(0..width).contains(&x) || !(0..height).contains(&y) {
            return;
        }
        let at = ((y * width + x) * 4) as usize;
        for (channel, ink) in self.canvas.data_mut()[at..at + 3].iter_mut().zip(INK) {
            let old = f32::from(*channel);
            *channel = (old + (f32::from(ink) - old) * coverage.clamp(0.0, 1.0)).round() as u8;
        }
    }

    pub(super) fn stroke(&mut self, path: &Path, width: f32, colour: [u8; 3], opacity: f32) {
        let stroke = Stroke { width, ..Stroke::default() };
        self.canvas.stroke_path(path, &paint(colour, opacity), &stroke, Transform::identity(), None);
    }

    pub(super) fn fill(&mut self, path: &Path, colour: [u8; 3], opacity: f32) {
        self.canvas.fill_path(path, &paint(colour, opacity), FillRule::Winding, Transform::identity(), None);
    }
}

/// The shorter side of a box.
fn side(bbox: &BBox) -> f32 {
    bbox.width().min(bbox.height()).max(0.0)
}

fn paint([r, g, b]: [u8; 3], opacity: f32) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(Color::from_rgba8(r, g, b, (opacity * 255.0).round() as u8));
    paint
}

/// A rectangle with rounded corners; none if it is empty or not finite.
pub(super) fn rounded(x1: f32, y1: f32, x2: f32, y2: f32, radius: f32) -> Option<Path> {
    let rect = Rect::from_ltrb(x1, y1, x2, y2)?;
    let radius = radius.min(rect.width() / 2.0).min(rect.height() / 2.0);
    // Where a cubic's control points lie for it to be nearly a quarter of a circle.
    let bend = radius * (1.0 - 0.552_284_8);
    let mut path = PathBuilder::new();
    path.move_to(x1 + radius, y1);
    path.line_to(x2 - radius, y1);
    path.cubic_to(x2 - bend, y1, x2, y1 + bend, x2, y1 + radius);
    path.line_to(x2, y2 - radius);
    path.cubic_to(x2, y2 - bend, x2 - bend, y2, x2 - radius, y2);
    path.line_to(x1 + radius, y2);
    path.cubic_to(x1 + bend, y2, x1, y2 - bend, x1, y2 - radius);
    path.line_to(x1, y1 + radius);
    path.cubic_to(x1, y1 + bend, x1 + bend, y1, x1 + radius, y1);
    path.close();
    path.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Landmarks, Point};

    fn face(x1: f32, y1: f32, side: f32) -> Face {
        let at = |x: f32, y: f32| Point { x: x1 + x * side, y: y1 + y * side };
        let points = [at(0.3, 0.4), at(0.7, 0.4), at(0.5, 0.6), at(0.35, 0.8), at(0.65, 0.8)];
        Face::new(BBox { x1, y1, x2: x1 + side, y2: y1 + side }, 0.987, Landmarks::from_array(points))
    }

    fn gray(width: u32, height: u32) -> RgbImage {
        RgbImage::from_pixel(width, height, ::image::Rgb([128; 3]))
    }

    #[test]
    fn box_dots_and_tag_are_where_they_belong() {
        let mut image = gray(400, 300);
        draw(&mut image, &[face(100.0, 100.0, 120.0)]);
        let green = |x, y| image.get_pixel(x, y).0[1].saturating_sub(image.get_pixel(x, y).0[0]) > 100;
        assert!(green(100, 160) && green(220, 160) && green(160, 220), "edges");
        assert_eq!(image.get_pixel(160, 172).0, DOT, "nose");
        assert_eq!(image.get_pixel(150, 130).0, [128; 3], "the face itself is left alone");
        assert_eq!(image.get_pixel(300, 250).0, [128; 3], "and what is outside");
        let tag = (75..100).flat_map(|y| (100..180).map(move |x| (x, y)));
        let dark = tag.filter(|&(x, y)| image.get_pixel(x, y).0.iter().all(|&channel| channel < 64));
        assert!(dark.count() > 30, "the score is written above");
    }

    /// Boxes reach beyond the image, and numbers from a broken model file can be anything.
    #[test]
    fn nothing_beyond_the_image_and_no_odd_number_does_harm() {
        let odd = [f32::NAN, f32::INFINITY, -1e30, 1e30];
        let mut faces: Vec<Face> = odd.into_iter().flat_map(|v| [face(v, 3.0, 20.0), face(3.0, 3.0, v)]).collect();
        faces.extend([face(-30.0, -30.0, 50.0), face(390.0, 290.0, 60.0), face(5.0, 5.0, 0.0)]);
        for (width, height) in [(1, 1), (13, 11), (400, 300), (20_000, 1)] {
            draw(&mut gray(width, height), &faces);
        }
    }

    #[test]
    fn no_faces_change_nothing() {
        let mut image = gray(31, 17);
        draw(&mut image, &[]);
        assert_eq!(image, gray(31, 17));
    }
}
