//! What a detection returns: a box, a score and five landmarks, in pixels of the given picture.

/// A point in pixels: `x` to the right, `y` down, the first pixel at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Column.
    pub x: f32,
    /// Row.
    pub y: f32,
}

/// A box in pixels, from its upper left to its lower right corner.
///
/// It may reach beyond the picture where a face is cut by the border.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
    /// `x2 - x1`.
    pub fn width(&self) -> f32 {
        self.x2 - self.x1
    }

    /// `y2 - y1`.
    pub fn height(&self) -> f32 {
        self.y2 - self.y1
    }

    /// `[x1, y1, x2, y2]`.
    pub fn to_array(&self) -> [f32; 4] {
        [self.x1, self.y1, self.x2, self.y2]
    }
}

/// The five points of a face; left and right are those of the picture, not of the person.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Landmarks {
    /// Centre of the eye on the left side of the picture.
    pub left_eye: Point,
    /// Centre of the eye on the right side of the picture.
    pub right_eye: Point,
    /// Tip of the nose.
    pub nose: Point,
    /// Corner of the mouth on the left side of the picture.
    pub mouth_left: Point,
    /// Corner of the mouth on the right side of the picture.
    pub mouth_right: Point,
}

impl Landmarks {
    /// The names of the points, in the order of [`Landmarks::to_array`].
    pub const NAMES: [&str; 5] = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"];

    /// The points in the order of [`Landmarks::NAMES`].
    pub fn to_array(&self) -> [Point; 5] {
        [self.left_eye, self.right_eye, self.nose, self.mouth_left, self.mouth_right]
    }

    /// The points from the order of [`Landmarks::NAMES`].
    pub fn from_array([left_eye, right_eye, nose, mouth_left, mouth_right]: [Point; 5]) -> Self {
        Self { left_eye, right_eye, nose, mouth_left, mouth_right }
    }
}

/// One detected face.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Face {
    /// Where it is.
    pub bbox: BBox,
    /// The probability that it is a face, by the last net: 0 to 1.
    pub score: f32,
    /// Eyes, nose and corners of the mouth.
    pub landmarks: Landmarks,
}

impl Face {
    /// The face so many pixels further to the right and down.
    pub fn moved(&self, dx: f32, dy: f32) -> Face {
        let BBox { x1, y1, x2, y2 } = self.bbox;
        let points = self.landmarks.to_array().map(|point| Point { x: point.x + dx, y: point.y + dy });
        let bbox = BBox { x1: x1 + dx, y1: y1 + dy, x2: x2 + dx, y2: y2 + dy };
        Face { bbox, landmarks: Landmarks::from_array(points), ..*self }
    }
}
