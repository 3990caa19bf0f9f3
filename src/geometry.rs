//! Points and boxes, each kind of box with its convention in its type.
//!
//! Numbers count pixels of the image, `x` to the right and `y` down. A [`BBox`] has edges: the first pixel reaches from 0 to 1, so
//! a side is `x2 - x1`. A [`PixelBox`] names its first and its last pixel instead, so a side is `x2 - x1 + 1` pixels. A [`Point`]
//! is a place among the pixels' centres: (0, 0) is the centre of the first pixel, as in annotation, in OpenCV and in the templates
//! that faces are aligned to. In the mirror image of one `w` pixels wide an edge `x` becomes `w - x`, a point `x` becomes `w - 1 - x`.
//!
//! The profiles that reproduce other systems give the numbers of those systems, which can be a pixel off.

/// A point in pixels: `x` to the right, `y` down, the centre of the image's first pixel at (0, 0).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "[f32; 2]", from = "[f32; 2]")
)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

impl Point {
    /// A point from its coordinates.
    #[must_use]
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }
}

impl From<[f32; 2]> for Point {
    /// From `[x, y]`.
    fn from([x, y]: [f32; 2]) -> Self {
        Self { x, y }
    }
}

impl From<Point> for [f32; 2] {
    /// `[x, y]`
    fn from(point: Point) -> Self {
        [point.x, point.y]
    }
}

/// A box in pixels, from its upper left to its lower right corner; a side is `x2 - x1`.
///
/// It may reach beyond the image where a face is cut by the border.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "[f32; 4]", from = "[f32; 4]")
)]
pub struct BBox {
    /// Left edge.
    pub x1: f32,
    /// Upper edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Lower edge.
    pub y2: f32,
}

impl BBox {
    /// A box from its edges.
    #[must_use]
    pub const fn new(x1: f32, y1: f32, x2: f32, y2: f32) -> Self {
        Self { x1, y1, x2, y2 }
    }

    /// `x2 - x1`.
    #[must_use]
    pub fn width(&self) -> f32 {
        self.x2 - self.x1
    }

    /// `y2 - y1`.
    #[must_use]
    pub fn height(&self) -> f32 {
        self.y2 - self.y1
    }

    /// Width times height; 0 of a box that is turned inside out.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// Intersection over union: 0 where the boxes have nothing in common, 1 where they are the same.
    ///
    /// ```
    /// use mtcnn_cpu::BBox;
    /// let (a, b) = (BBox::new(0.0, 0.0, 10.0, 10.0), BBox::new(0.0, 0.0, 10.0, 5.0));
    /// assert_eq!(a.overlap(&b), 0.5);
    /// ```
    #[must_use]
    pub fn overlap(&self, other: &BBox) -> f32 {
        let common = self.common_area(other);
        if common > 0.0 { common / (self.area() + other.area() - common) } else { 0.0 }
    }

    /// The area that two boxes have in common; 0 if there is none.
    pub(crate) fn common_area(&self, other: &BBox) -> f32 {
        let common = Self {
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
            x2: self.x2.min(other.x2),
            y2: self.y2.min(other.y2),
        };
        common.area()
    }

    /// The point in the middle.
    #[must_use]
    pub fn centre(&self) -> Point {
        Point::new((self.x1 + self.x2) / 2.0, (self.y1 + self.y2) / 2.0)
    }

    /// The box with the same centre and `factor` times the sides.
    #[must_use]
    pub fn expand(&self, factor: f32) -> BBox {
        let (x, y) = (0.5 * (self.x1 + self.x2), 0.5 * (self.y1 + self.y2));
        let (width, height) = (0.5 * factor * self.width(), 0.5 * factor * self.height());
        Self { x1: x - width, y1: y - height, x2: x + width, y2: y + height }
    }

    /// The part of the box that lies in an image of `width x height` pixels. A box beside the image is left without an area, on its
    /// border.
    #[must_use]
    pub fn clip(&self, width: usize, height: usize) -> BBox {
        let (width, height) = (width as f32, height as f32);
        Self {
            x1: self.x1.clamp(0.0, width),
            y1: self.y1.clamp(0.0, height),
            x2: self.x2.clamp(0.0, width),
            y2: self.y2.clamp(0.0, height),
        }
    }

    /// The box moved by `dx` pixels to the right and `dy` down.
    #[must_use]
    pub fn moved(&self, dx: f32, dy: f32) -> BBox {
        Self { x1: self.x1 + dx, y1: self.y1 + dy, x2: self.x2 + dx, y2: self.y2 + dy }
    }

    /// `[x1, y1, x2, y2]`.
    #[must_use]
    pub fn to_array(&self) -> [f32; 4] {
        [self.x1, self.y1, self.x2, self.y2]
    }
}

impl From<[f32; 4]> for BBox {
    /// From `[x1, y1, x2, y2]`.
    fn from([x1, y1, x2, y2]: [f32; 4]) -> Self {
        Self { x1, y1, x2, y2 }
    }
}

impl From<BBox> for [f32; 4] {
    /// `[x1, y1, x2, y2]`
    fn from(bbox: BBox) -> Self {
        bbox.to_array()
    }
}

/// A box of pixels, `[x1, y1, x2, y2]`, from its first to its last column and row: a side is `x2 - x1 + 1`.
///
/// Annotation, the rules of samples and the official evaluation count so. Parts of pixels are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PixelBox(pub [f64; 4]);

impl PixelBox {
    /// Columns: `x2 - x1 + 1`.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.0[2] - self.0[0] + 1.0
    }

    /// Rows: `y2 - y1 + 1`.
    #[must_use]
    pub fn height(&self) -> f64 {
        self.0[3] - self.0[1] + 1.0
    }

    /// Pixels; 0 of a box that is turned inside out.
    #[must_use]
    pub fn area(&self) -> f64 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// Intersection over union: 0 where the boxes have no pixel in common, 1 where they are the same.
    #[must_use]
    pub fn overlap(&self, other: &PixelBox) -> f64 {
        let (PixelBox(a), PixelBox(b)) = (self, other);
        let common = PixelBox([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]).area();
        if common > 0.0 { common / (self.area() + other.area() - common) } else { 0.0 }
    }

    /// The square about the same centre that has the longer side.
    #[must_use]
    pub fn squared(&self) -> PixelBox {
        let (width, height) = (self.width(), self.height());
        let side = width.max(height);
        let (x, y) = (self.0[0] + width * 0.5 - side * 0.5, self.0[1] + height * 0.5 - side * 0.5);
        PixelBox([x, y, x + side - 1.0, y + side - 1.0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_of_a_box_are_differences() {
        let a = BBox::new(0.0, 0.0, 10.0, 10.0);
        assert_eq!((a.area(), a.overlap(&a), a.overlap(&a.moved(10.0, 0.0))), (100.0, 1.0, 0.0));
        assert_eq!(a.overlap(&BBox::new(5.0, 5.0, 3.0, 3.0)), 0.0, "inside out");
        assert_eq!(a.expand(1.5), BBox::new(-2.5, -2.5, 12.5, 12.5));
        assert_eq!(BBox::new(-3.0, 2.0, 12.0, 5.0).clip(10, 4), BBox::new(0.0, 2.0, 10.0, 4.0));
        assert_eq!(BBox::new(20.0, 20.0, 30.0, 30.0).clip(10, 4).area(), 0.0, "beside the image");
    }

    #[test]
    fn sides_of_a_pixel_box_count_both_ends() {
        let a = PixelBox([0.0, 0.0, 9.0, 9.0]);
        assert_eq!(a.overlap(&PixelBox([0.0, 0.0, 9.0, 4.0])), 0.5);
        assert_eq!(a.overlap(&PixelBox([9.0, 0.0, 18.0, 9.0])), 10.0 / 190.0, "one column");
        assert_eq!(a.overlap(&PixelBox([10.0, 0.0, 19.0, 9.0])), 0.0);
        assert_eq!(a.overlap(&PixelBox([5.0, 5.0, 3.0, 3.0])), 0.0, "inside out");
    }

    #[test]
    fn a_square_has_the_longer_side_and_the_same_centre() {
        assert_eq!(PixelBox([10.0, 20.0, 29.0, 59.0]).squared(), PixelBox([0.0, 20.0, 39.0, 59.0]));
        assert_eq!(PixelBox([3.0, 3.0, 12.0, 12.0]).squared(), PixelBox([3.0, 3.0, 12.0, 12.0]));
    }
}
