//! A frame of a video, as its source has it: planes of brightness and colours, or red, green and blue.

use std::io::Read;

use ::image::RgbImage;
use anyhow::{Context, anyhow, bail};
use mtcnn_cpu::image::blur::{Blur, BlurStyle, PixelsMut};
use mtcnn_cpu::{BBox, ImageView, PixelFormat};
use yuv::{
    YuvBiPlanarImage, YuvChromaSubsampling, YuvConversionMode, YuvPlanarImage, YuvPlanarImageMut, YuvRange,
    YuvStandardMatrix,
};

/// How the bytes of a frame are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Red, green, blue.
    Rgb,
    /// Brightness alone.
    Gray,
    /// Three planes, one after the other: brightness, and two of colour.
    Planar(Sampling),
    /// Brightness, and pairs of colours, each for 2x2 pixels.
    Nv12,
}

/// How many pixels share a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sampling {
    /// 2x2.
    S420,
    /// 2x1.
    S422,
    /// One.
    S444,
}

impl Sampling {
    /// Across and down.
    fn shared(self) -> [usize; 2] {
        match self {
            Sampling::S420 => [2, 2],
            Sampling::S422 => [2, 1],
            Sampling::S444 => [1, 1],
        }
    }
}

/// What the numbers of planes mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colours {
    pub(crate) matrix: YuvStandardMatrix,
    pub(crate) range: YuvRange,
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) layout: Layout,
    pub(crate) bytes: Vec<u8>,
}

/// A plane of a frame: its size, its channels, and how many pixels of the frame, across and down, share one of it.
struct Plane {
    width: usize,
    height: usize,
    channels: usize,
    shared: [usize; 2],
}

impl Layout {
    fn planes(self, width: usize, height: usize) -> Vec<Plane> {
        let plane = |channels, shared: [usize; 2]| Plane {
            width: width.div_ceil(shared[0]),
            height: height.div_ceil(shared[1]),
            channels,
            shared,
        };
        match self {
            Layout::Rgb => vec![plane(3, [1, 1])],
            Layout::Gray => vec![plane(1, [1, 1])],
            Layout::Planar(sampling) => {
                vec![plane(1, [1, 1]), plane(1, sampling.shared()), plane(1, sampling.shared())]
            }
            Layout::Nv12 => vec![plane(1, [1, 1]), plane(2, [2, 2])],
        }
    }

    /// The bytes of a frame, whose pixels are few enough not to overflow.
    pub(crate) fn bytes(self, width: usize, height: usize) -> usize {
        self.planes(width, height).iter().map(|plane| plane.width * plane.height * plane.channels).sum()
    }
}

impl Frame {
    /// Its bytes from a stream, for which memory is asked as they come; None at the end.
    pub(crate) fn read(
        reader: &mut impl Read,
        layout: Layout,
        width: usize,
        height: usize,
    ) -> anyhow::Result<Option<Self>> {
        let size = layout.bytes(width, height);
        // What a usual video needs is there at once.
        let mut bytes = Vec::with_capacity(size.min(1 << 24));
        reader.take(size as u64).read_to_end(&mut bytes)?;
        match bytes.len() {
            0 => Ok(None),
            length if length < size => bail!("it is cut off: it has {length} of {size} bytes"),
            _ => Ok(Some(Self { width, height, layout, bytes })),
        }
    }

    /// The frame as the detector takes it; of planes, `rgb` keeps it.
    pub(crate) fn view<'a>(&'a self, colours: Colours, rgb: &'a mut Vec<u8>) -> anyhow::Result<ImageView<'a>> {
        let view = |bytes: &'a [u8], format| ImageView::new(bytes, self.width, self.height, format);
        Ok(match self.layout {
            Layout::Rgb => view(&self.bytes, PixelFormat::Rgb)?,
            Layout::Gray => view(&self.bytes, PixelFormat::Gray)?,
            Layout::Planar(_) | Layout::Nv12 => {
                rgb.resize(self.width * self.height * 3, 0);
                self.convert(colours, rgb)?;
                view(rgb, PixelFormat::Rgb)?
            }
        })
    }

    fn convert(&self, Colours { matrix, range }: Colours, rgb: &mut [u8]) -> anyhow::Result<()> {
        let (width, height, stride) = (self.width as u32, self.height as u32, self.width as u32 * 3);
        let (y_plane, colour) = self.bytes.split_at(self.width * self.height);
        let columns = self.width.div_ceil(2) as u32;
        let converted = match self.layout {
            Layout::Rgb | Layout::Gray => return Err(anyhow!("only planes are converted")),
            Layout::Nv12 => {
                let image = YuvBiPlanarImage {
                    y_plane,
                    y_stride: width,
                    uv_plane: colour,
                    uv_stride: columns * 2,
                    width,
                    height,
                };
                yuv::yuv_nv12_to_rgb(&image, rgb, stride, range, matrix, YuvConversionMode::Balanced)
            }
            Layout::Planar(sampling) => {
                let (u_plane, v_plane) = colour.split_at(colour.len() / 2);
                let stride_of = if sampling == Sampling::S444 { width } else { columns };
                let image = YuvPlanarImage {
                    y_plane,
                    y_stride: width,
                    u_plane,
                    u_stride: stride_of,
                    v_plane,
                    v_stride: stride_of,
                    width,
                    height,
                };
                let convert = match sampling {
                    Sampling::S420 => yuv::yuv420_to_rgb,
                    Sampling::S422 => yuv::yuv422_to_rgb,
                    Sampling::S444 => yuv::yuv444_to_rgb,
                };
                convert(&image, rgb, stride, range, matrix)
            }
        };
        converted.context("can't convert the colours of a frame")
    }

    /// Hides what boxes show, on the planes as they are: the rest of the frame stays as it was.
    pub(crate) fn hide(&mut self, blur: &Blur, colours: Colours, boxes: &[BBox]) {
        let mut rest = &mut self.bytes[..];
        let is_planar = matches!(self.layout, Layout::Planar(_) | Layout::Nv12 | Layout::Gray);
        for (index, Plane { width, height, channels, shared }) in
            self.layout.planes(self.width, self.height).into_iter().enumerate()
        {
            let (bytes, after) = rest.split_at_mut(width * height * channels);
            rest = after;
            // Black has another number on each plane.
            let style = match blur.style {
                BlurStyle::Solid(_) if index > 0 => BlurStyle::Solid([128; 4]),
                BlurStyle::Solid(_) if is_planar && colours.range == YuvRange::Limited => BlurStyle::Solid([16; 4]),
                other => other,
            };
            let mut pixels = PixelsMut::new(bytes, width, height, channels).expect("the bytes of a plane");
            let [across, down] = shared.map(|it| it as f32);
            for bbox in boxes {
                let [x1, y1, x2, y2] = bbox.to_array();
                let bbox = BBox::new(x1 / across, y1 / down, x2 / across, y2 / down);
                Blur { style, ..*blur }.hide(&mut pixels, &bbox);
            }
        }
    }

    /// Lets somebody draw on it; planes are converted and converted back.
    pub(crate) fn draw(&mut self, colours: Colours, draw: impl FnOnce(&mut RgbImage)) -> anyhow::Result<()> {
        let (width, height, before) = (self.width, self.height, self.layout);
        let bytes = match self.layout {
            Layout::Rgb => std::mem::take(&mut self.bytes),
            Layout::Gray => self.bytes.iter().flat_map(|&value| [value; 3]).collect(),
            Layout::Planar(_) | Layout::Nv12 => {
                let mut rgb = vec![0; width * height * 3];
                self.convert(colours, &mut rgb)?;
                rgb
            }
        };
        let mut image = RgbImage::from_raw(width as u32, height as u32, bytes).expect("bytes of that size");
        draw(&mut image);
        *self = Self { width, height, layout: Layout::Rgb, bytes: image.into_raw() };
        if let Layout::Planar(sampling) = before {
            *self = self.planar(colours, sampling)?;
        }
        Ok(())
    }

    /// The frame as Y4M has it.
    pub(crate) fn into_y4m(self, colours: Colours) -> anyhow::Result<Self> {
        match self.layout {
            Layout::Planar(_) | Layout::Gray => Ok(self),
            Layout::Rgb => self.planar(colours, Sampling::S420),
            Layout::Nv12 => {
                let at = self.width * self.height;
                let colour = &self.bytes[at..];
                let plane = |first: usize| colour.iter().skip(first).step_by(2);
                let bytes = self.bytes[..at].iter().chain(plane(0)).chain(plane(1)).copied().collect();
                Ok(Self { layout: Layout::Planar(Sampling::S420), bytes, ..self })
            }
        }
    }

    /// Red, green and blue as planes.
    fn planar(&self, Colours { matrix, range }: Colours, sampling: Sampling) -> anyhow::Result<Self> {
        let (subsampling, convert): (_, fn(&mut _, &_, _, _, _, _) -> _) = match sampling {
            Sampling::S420 => (YuvChromaSubsampling::Yuv420, yuv::rgb_to_yuv420),
            Sampling::S422 => (YuvChromaSubsampling::Yuv422, yuv::rgb_to_yuv422),
            Sampling::S444 => (YuvChromaSubsampling::Yuv444, yuv::rgb_to_yuv444),
        };
        let mut planes = YuvPlanarImageMut::alloc(self.width as u32, self.height as u32, subsampling);
        convert(&mut planes, &self.bytes, self.width as u32 * 3, range, matrix, YuvConversionMode::Balanced)
            .context("can't convert the colours of a frame")?;
        let bytes = [planes.y_plane.borrow(), planes.u_plane.borrow(), planes.v_plane.borrow()].concat();
        Ok(Self { layout: Layout::Planar(sampling), bytes, ..*self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOURS: Colours = Colours { matrix: YuvStandardMatrix::Bt601, range: YuvRange::Limited };
    const LAYOUTS: [Layout; 6] = [
        Layout::Rgb,
        Layout::Gray,
        Layout::Nv12,
        Layout::Planar(Sampling::S420),
        Layout::Planar(Sampling::S422),
        Layout::Planar(Sampling::S444),
    ];

    fn rgb(frame: &Frame) -> Vec<u8> {
        let mut bytes = Vec::new();
        let view = frame.view(COLOURS, &mut bytes).unwrap();
        assert_eq!((view.width(), view.height()), (frame.width, frame.height));
        match frame.layout {
            Layout::Rgb => frame.bytes.clone(),
            Layout::Gray => frame.bytes.iter().flat_map(|&it| [it; 3]).collect(),
            _ => bytes,
        }
    }

    /// Of one colour, so that shared colours lose nothing.
    fn red(width: usize, height: usize) -> Frame {
        Frame { width, height, layout: Layout::Rgb, bytes: [200, 30, 60].repeat(width * height) }
    }

    /// BT.601, limited: Y = 16 + 65.481 R + 128.553 G + 24.966 B, and so on, of values from 0 to 1.
    #[test]
    fn colours_are_those_of_the_matrix_and_come_back() {
        for (width, height) in [(16, 8), (7, 5), (1, 1)] {
            for sampling in [Sampling::S420, Sampling::S422, Sampling::S444] {
                let planes = red(width, height).planar(COLOURS, sampling).unwrap();
                let [y, u, v] = [88.4, 116.0, 200.5];
                let at = |index: usize| f64::from(planes.bytes[index]);
                let colour = planes.bytes.len() - width * height;
                assert_eq!(planes.bytes.len(), planes.layout.bytes(width, height));
                for (value, exact) in [(at(0), y), (at(width * height), u), (at(width * height + colour / 2), v)] {
                    assert!((value - exact).abs() <= 1.5, "{value} {exact}");
                }
                let back = rgb(&planes);
                assert!(back.chunks(3).all(|it| it.iter().zip([200, 30, 60]).all(|(a, b)| a.abs_diff(b) <= 3)));
            }
        }
    }

    #[test]
    fn black_is_black_on_every_layout_and_what_is_beside_it_stays() {
        let blur = Blur { style: BlurStyle::Solid([0; 4]), shape: mtcnn_cpu::image::blur::BlurShape::Box, grow: 1.0 };
        let (width, height) = (21, 17);
        for layout in LAYOUTS {
            let mut frame = Frame { width, height, layout, bytes: vec![150; layout.bytes(width, height)] };
            let before = rgb(&frame);
            frame.hide(&blur, COLOURS, &[BBox::new(4.0, 4.0, 10.0, 12.0)]);
            let after = rgb(&frame);
            for (index, (old, new)) in before.chunks(3).zip(after.chunks(3)).enumerate() {
                let (x, y) = (index % width, index / width);
                if (4..10).contains(&x) && (4..12).contains(&y) {
                    // Brightness alone has black at 16 too.
                    assert!(new.iter().all(|&it| it <= 16), "{layout:?} {x},{y}: {new:?}");
                } else if !(3..11).contains(&x) || !(3..13).contains(&y) {
                    assert_eq!(old, new, "{layout:?} {x},{y}");
                }
            }
        }
    }

    #[test]
    fn frames_are_drawn_on_and_become_planes() {
        for layout in LAYOUTS {
            let (width, height) = (31, 20);
            let mut frame = Frame { width, height, layout, bytes: vec![90; layout.bytes(width, height)] };
            frame.draw(COLOURS, |image| image.put_pixel(5, 6, ::image::Rgb([255; 3]))).unwrap();
            assert!(rgb(&frame)[(6 * width + 5) * 3 + 1] > 240, "{layout:?}");
            let y4m = frame.into_y4m(COLOURS).unwrap();
            assert!(matches!(y4m.layout, Layout::Planar(_) | Layout::Gray));
            assert_eq!(y4m.bytes.len(), y4m.layout.bytes(width, height));
        }
        let nv12 = Frame { width: 4, height: 2, layout: Layout::Nv12, bytes: vec![1, 1, 1, 1, 1, 1, 1, 1, 5, 6, 7, 8] };
        assert_eq!(nv12.into_y4m(COLOURS).unwrap().bytes, [1, 1, 1, 1, 1, 1, 1, 1, 5, 7, 6, 8]);
    }
}
