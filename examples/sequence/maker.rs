//! Videos of which all is known: real faces on known paths over real backgrounds.
//!
//! Faces are cut out of the mosaics of a folder in the layout of WIDER FACE, whose annotation is exact, and pasted with soft
//! edges onto its images without a face. They walk through the image past each other, wander about, and come nearer; nearer faces
//! hide others; they are blurred by their motion and now and then out of focus; pixels are noisy. A seed gives the same bytes.

use std::f64::consts::TAU;
use std::path::Path;

use mtcnn_cpu::data::wider::{Wider, WiderImage};
use mtcnn_cpu::image::{self, RgbImage};

/// Of a frame, in pixels.
pub(crate) const SIZE: [usize; 2] = [640, 480];
/// Frames a second.
pub(crate) const RATE: usize = 25;

/// Faces and backgrounds come from folders with these names.
const FACES: &str = "0--Mosaic";
const BACKGROUNDS: &str = "1--Scenery";
/// Pixels: smaller faces are too poor to be enlarged.
const LEAST_FACE: f64 = 60.0;
/// The annotation of the mosaics is a square from the brows to the mouth. A face is so many of its sides higher and lower, from
/// the forehead to the chin, as WIDER FACE has it.
const ABOVE: f64 = 0.24;
const BELOW: f64 = 0.14;
/// What is pasted is an ellipse about the face, with half axes of so many sides of the square.
const AXES: [f64; 2] = [0.72, 0.92];
/// In parts of the ellipse, its soft edge.
const EDGE: f64 = 0.15;
/// A face of which less is to be seen is not there.
const LEAST_VISIBLE: f64 = 0.5;
/// Points across and down a face at which it is asked whether it is to be seen.
const GRID: usize = 16;
/// The exposure in frames, and at how many times in it a face is pasted.
const EXPOSURE: f64 = 0.5;
const TIMES: usize = 4;
/// The deviation of the blur of a face out of focus, in sides of the square.
const OUT_OF_FOCUS: f64 = 0.05;
/// Levels of brightness that noise adds or takes at most.
const NOISE: f64 = 4.0;

/// Random numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// A video, made frame by frame.
pub(crate) struct Sequence {
    background: RgbImage,
    actors: Vec<Actor>,
    seed: u64,
}

/// A frame, and what is true of it.
pub(crate) struct Frame {
    pub(crate) image: RgbImage,
    /// Faces that are to be seen: id, and box as left and upper edge, width and height.
    pub(crate) truth: Vec<(usize, [f64; 4])>,
}

/// A face on its path.
struct Actor {
    /// Sharp, and out of focus.
    sprites: [Sprite; 2],
    way: Way,
    /// The frame in the middle of which it is least sharp, and for how long it is not.
    blur: [f64; 2],
}

/// Where the square of a face is, by the time in frames.
struct Way {
    /// The centre's place at the time 0, and its velocity.
    from: [f64; 2],
    velocity: [f64; 2],
    /// What it sways by across and down: amplitude, period and phase.
    sway: [[f64; 3]; 2],
    /// The side at the time 0, its growth a frame, and what it sways by.
    side: [f64; 2],
    breath: [f64; 3],
}

impl Way {
    /// The centre and the side.
    fn at(&self, time: f64) -> ([f64; 2], f64) {
        let wave = |[amplitude, period, phase]: [f64; 3]| amplitude * (TAU * (time / period + phase)).sin();
        let centre = [0, 1].map(|axis| self.from[axis] + self.velocity[axis] * time + wave(self.sway[axis]));
        (centre, (self.side[0] + self.side[1] * time + wave(self.breath)).clamp(36.0, 130.0))
    }
}

/// The pixels of a face: red, green, blue and how much of it is there, the colours multiplied by that.
struct Sprite {
    pixels: Vec<[f32; 4]>,
    size: [usize; 2],
    /// Pixels for each side of the square.
    side: f64,
}

impl Sprite {
    /// Cuts out the face whose square has this corner and side.
    fn cut(image: &RgbImage, [x, y]: [f64; 2], side: f64) -> Self {
        let centre = [x + side / 2.0, y + side / 2.0 + (BELOW - ABOVE) / 2.0 * side];
        let half = AXES.map(|axis| (axis * side).ceil());
        let size = half.map(|half| 2 * half as usize + 1);
        let mut pixels = Vec::with_capacity(size[0] * size[1]);
        for row in 0..size[1] {
            for column in 0..size[0] {
                let off = [column as f64 - half[0], row as f64 - half[1]];
                let radius = (off[0] / (AXES[0] * side)).hypot(off[1] / (AXES[1] * side));
                let alpha = ((1.0 - radius) / EDGE).clamp(0.0, 1.0) as f32;
                let at = [centre[0] + off[0] - 0.5, centre[1] + off[1] - 0.5];
                let inside = |axis: usize, length: u32| at[axis].round().clamp(0.0, f64::from(length - 1)) as u32;
                let [r, g, b] = image.get_pixel(inside(0, image.width()), inside(1, image.height())).0.map(f32::from);
                pixels.push([r * alpha, g * alpha, b * alpha, alpha]);
            }
        }
        Self { pixels, size, side }
    }

    /// The same out of focus: averages over squares, twice, which is nearly a Gaussian.
    fn blurred(&self) -> Self {
        let radius = ((6.0 * (OUT_OF_FOCUS * self.side).powi(2) + 1.0).sqrt() / 2.0).round() as isize;
        let [width, height] = self.size.map(|size| size as isize);
        let mut pixels = self.pixels.clone();
        for (dx, dy) in [(1, 0), (0, 1), (1, 0), (0, 1)] {
            let old = pixels.clone();
            for y in 0..height {
                for x in 0..width {
                    let mut sum = [0.0; 4];
                    for step in -radius..=radius {
                        let (x, y) = (x + dx * step, y + dy * step);
                        if (0..width).contains(&x) && (0..height).contains(&y) {
                            let from = old[(y * width + x) as usize];
                            sum = std::array::from_fn(|i| sum[i] + from[i] / (2 * radius + 1) as f32);
                        }
                    }
                    pixels[(y * width + x) as usize] = sum;
                }
            }
        }
        Self { pixels, ..*self }
    }

    /// What is at a place, in sides of the square from the centre.
    fn sample(&self, off: [f64; 2]) -> [f32; 4] {
        let at = [0, 1].map(|axis| off[axis] * self.side + (self.size[axis] / 2) as f64);
        let whole = at.map(f64::floor);
        let [fx, fy] = [0, 1].map(|axis| (at[axis] - whole[axis]) as f32);
        let mut sum = [0.0; 4];
        for (dx, dy, weight) in
            [(0, 0, (1.0 - fx) * (1.0 - fy)), (1, 0, fx * (1.0 - fy)), (0, 1, (1.0 - fx) * fy), (1, 1, fx * fy)]
        {
            let [x, y] = [whole[0] as isize + dx, whole[1] as isize + dy];
            if x >= 0 && y >= 0 && x < self.size[0] as isize && y < self.size[1] as isize {
                let from = self.pixels[y as usize * self.size[0] + x as usize];
                sum = std::array::from_fn(|i| sum[i] + weight * from[i]);
            }
        }
        sum
    }
}

impl Actor {
    /// How far out of focus: 0 to 1.
    fn softness(&self, time: f64) -> f32 {
        (1.0 - (time - self.blur[0]).abs() / self.blur[1]).clamp(0.0, 1.0) as f32
    }

    /// The face, not the square: left and upper edge, width and height.
    fn face(&self, time: f64) -> [f64; 4] {
        let ([x, y], side) = self.way.at(time);
        let height = side * (1.0 + ABOVE + BELOW);
        [x - side / 2.0, y - height / 2.0, side, height]
    }

    /// Whether it hides a place.
    fn hides(&self, time: f64, [x, y]: [f64; 2]) -> bool {
        let (centre, side) = self.way.at(time);
        let off = [(x - centre[0]) / (AXES[0] * side), (y - centre[1]) / (AXES[1] * side)];
        off[0].hypot(off[1]) < 1.0 - EDGE / 2.0
    }

    fn paste(&self, time: f64, image: &mut RgbImage) {
        let softness = self.softness(time);
        let times: Vec<_> =
            (0..TIMES).map(|i| self.way.at(time + EXPOSURE * (i as f64 / TIMES as f64 - 0.5))).collect();
        let reach = |axis: usize, sign: f64| {
            let edges = times.iter().map(|(centre, side)| sign * centre[axis] + AXES[axis] * side + 2.0);
            sign * edges.fold(f64::NEG_INFINITY, f64::max)
        };
        let range = |axis: usize| {
            let [first, last] = [-1.0, 1.0].map(|sign| reach(axis, sign).clamp(0.0, SIZE[axis] as f64) as u32);
            first..last
        };
        for y in range(1) {
            for x in range(0) {
                let mut sum = [0.0; 4];
                for (centre, side) in &times {
                    let off = [(f64::from(x) + 0.5 - centre[0]) / side, (f64::from(y) + 0.5 - centre[1]) / side];
                    for (sprite, weight) in self.sprites.iter().zip([1.0 - softness, softness]) {
                        if weight > 0.0 {
                            let sample = sprite.sample(off);
                            sum = std::array::from_fn(|i| sum[i] + sample[i] * weight / TIMES as f32);
                        }
                    }
                }
                let pixel = image.get_pixel_mut(x, y);
                for (channel, colour) in pixel.0.iter_mut().zip(sum) {
                    *channel = (f32::from(*channel) * (1.0 - sum[3]) + colour).round() as u8;
                }
            }
        }
    }
}

impl Sequence {
    /// The video of a seed, of so many frames. The folder has `WIDER_train` and `wider_face_split`.
    pub(crate) fn new(folder: &Path, seed: u64, frames: usize) -> Result<Self, mtcnn_cpu::Error> {
        let list = Wider::read_split(folder, "train")?;
        let of = |event: &str| -> Vec<&WiderImage> {
            list.images.iter().filter(|image| image.name.starts_with(event)).collect()
        };
        let large = |image: &&WiderImage| image.faces.iter().any(|face| face.width.min(face.height) >= LEAST_FACE);
        let mosaics: Vec<_> = of(FACES).into_iter().filter(large).collect();
        let mut random = Random(seed);
        let background = loop {
            let images = of(BACKGROUNDS);
            let image = image::open(list.root.join(&images[random.below(images.len())].name))?;
            if image.width() > image.height() {
                break enlarged(&image);
            }
        };
        let mut actors = Vec::new();
        for way in ways(&mut random, frames as f64) {
            let mosaic = mosaics[random.below(mosaics.len())];
            let faces: Vec<_> = mosaic.faces.iter().filter(|face| face.width.min(face.height) >= LEAST_FACE).collect();
            let face = faces[random.below(faces.len())];
            let sprite = Sprite::cut(&image::open(list.root.join(&mosaic.name))?, [face.x, face.y], face.width);
            let soft = sprite.blurred();
            let blur = [random.between(0.0, frames as f64), random.between(4.0, 12.0)];
            actors.push(Actor { sprites: [sprite, soft], way, blur });
        }
        Ok(Self { background, actors, seed })
    }

    /// The frame at a time, from 0.
    pub(crate) fn frame(&self, time: usize) -> Frame {
        let mut random = Random(self.seed ^ (time as u64) << 32);
        let time = time as f64;
        let mut order: Vec<usize> = (0..self.actors.len()).collect();
        // The largest is the nearest; it is pasted last.
        order.sort_by(|&a, &b| self.actors[a].way.at(time).1.total_cmp(&self.actors[b].way.at(time).1));
        let mut image = self.background.clone();
        order.iter().for_each(|&actor| self.actors[actor].paste(time, &mut image));
        for channel in image.iter_mut() {
            *channel = (f64::from(*channel) + random.between(-NOISE, NOISE)).round().clamp(0.0, 255.0) as u8;
        }
        let visible = |place: usize| {
            let [x, y, width, height] = self.actors[order[place]].face(time);
            let at = |i: usize, from: f64, side: f64| from + (i as f64 + 0.5) / GRID as f64 * side;
            let points = (0..GRID * GRID).map(|i| [at(i % GRID, x, width), at(i / GRID, y, height)]);
            let seen = points.filter(|&point| {
                let inside = [0, 1].iter().all(|&axis| (0.0..SIZE[axis] as f64).contains(&point[axis]));
                inside && !order[place + 1..].iter().any(|&nearer| self.actors[nearer].hides(time, point))
            });
            seen.count() as f64 / (GRID * GRID) as f64
        };
        let seen = (0..order.len()).filter(|&place| visible(place) >= LEAST_VISIBLE);
        let mut truth: Vec<_> = seen.map(|place| (order[place] + 1, self.actors[order[place]].face(time))).collect();
        truth.sort_by_key(|face| face.0);
        Frame { image, truth }
    }
}

/// The ways of all faces: pairs that meet, some that wander about, and one that comes nearer.
fn ways(random: &mut Random, frames: f64) -> Vec<Way> {
    let mut ways = Vec::new();
    let [width, height] = SIZE.map(|side| side as f64);
    // A walk crosses the image; later ones follow as long as the video goes on.
    let mut start = -40.0;
    while start < frames - 60.0 {
        let y = random.between(100.0, height - 100.0);
        for way in [1.0, -1.0] {
            let (speed, side) = (way * random.between(2.5, 6.0), random.between(44.0, 80.0));
            let enters = start + random.between(0.0, 30.0);
            let edge = if way > 0.0 { -side } else { width + side };
            let bob = [random.between(1.0, 4.0), random.between(10.0, 16.0), random.between(0.0, 1.0)];
            ways.push(Way {
                from: [edge - speed * enters, y + random.between(-30.0, 30.0)],
                velocity: [speed, 0.0],
                sway: [[0.0, 1.0, 0.0], bob],
                side: [side, 0.0],
                breath: [random.between(0.0, 4.0), random.between(60.0, 120.0), random.between(0.0, 1.0)],
            });
        }
        start += random.between(90.0, 130.0);
    }
    // Beside each other, and seldom in each other's place: who is hidden for seconds could be anybody afterwards.
    for home in [0.2, 0.5, 0.8] {
        let centre = [home * width + random.between(-20.0, 20.0), random.between(270.0, height - 130.0)];
        let mut wave =
            |most: f64| [random.between(0.3, 1.0) * most, random.between(70.0, 180.0), random.between(0.0, 1.0)];
        let (across, down, breath) = (wave(90.0), wave(50.0), wave(12.0));
        let side = [random.between(50.0, 90.0), 0.0];
        ways.push(Way { from: centre, velocity: [0.0; 2], sway: [across, down], side, breath });
    }
    let grow = random.between(0.15, 0.3);
    let from = [random.between(150.0, width - 150.0), random.between(80.0, 120.0)];
    let velocity = [(width / 2.0 - from[0]) / frames, 0.0];
    let sway = [0, 1].map(|_| [random.between(2.0, 8.0), random.between(20.0, 50.0), random.between(0.0, 1.0)]);
    ways.push(Way { from, velocity, sway, side: [40.0, grow], breath: [0.0, 1.0, 0.0] });
    ways
}

/// The middle of an image, as large as a frame.
fn enlarged(image: &RgbImage) -> RgbImage {
    let [width, height] = [image.width(), image.height()].map(f64::from);
    let scale = (SIZE[0] as f64 / width).max(SIZE[1] as f64 / height);
    let from = [width - SIZE[0] as f64 / scale, height - SIZE[1] as f64 / scale].map(|rest| rest / 2.0);
    let mut frame = RgbImage::new(SIZE[0] as u32, SIZE[1] as u32);
    for (x, y, pixel) in frame.enumerate_pixels_mut() {
        let at = [from[0] + (f64::from(x) + 0.5) / scale - 0.5, from[1] + (f64::from(y) + 0.5) / scale - 0.5];
        let at = [at[0].clamp(0.0, width - 1.0), at[1].clamp(0.0, height - 1.0)];
        let [x1, y1] = at.map(|at| at as u32);
        let [x2, y2] = [(x1 + 1).min(image.width() - 1), (y1 + 1).min(image.height() - 1)];
        let [fx, fy] = at.map(f64::fract);
        pixel.0 = std::array::from_fn(|channel| {
            let of = |x: u32, y: u32| f64::from(image.get_pixel(x, y).0[channel]);
            let row = |y: u32| of(x1, y) * (1.0 - fx) + of(x2, y) * fx;
            (row(y1) * (1.0 - fy) + row(y2) * fy).round() as u8
        });
    }
    frame
}
