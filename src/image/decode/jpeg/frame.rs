//! What the frame header says: the image's size, its components and their sampling.

use super::fault::{damaged, unsupported};
use crate::error::Result;

/// The most components, and tables of a kind.
pub(super) const MOST: usize = 4;

#[derive(Debug)]
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) components: Vec<Component>,
    /// The largest sampling factors.
    pub(super) h_max: usize,
    pub(super) v_max: usize,
    /// Minimal coded units across and down: blocks of all components, as an interleaved scan has them.
    pub(super) units_x: usize,
    pub(super) units_y: usize,
}

/// A component; its samples are stored in whole coded units.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Sampling factors.
    pub(super) h: usize,
    pub(super) v: usize,
    /// The number of its quantization table.
    pub(super) quantization: usize,
    /// Samples across and down that belong to the image.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Blocks across and down, with those that fill the last coded unit.
    pub(super) blocks_x: usize,
    pub(super) blocks_y: usize,
}

impl Component {
    pub(super) fn blocks(&self) -> usize {
        self.blocks_x * self.blocks_y
    }
}

impl Frame {
    /// Reads the segment behind the marker `code`, which is one of those of a frame.
    pub(super) fn read(code: u8, segment: &[u8]) -> Result<Self> {
        match code {
            0xC0..=0xC2 => {}
            0xC3 => return Err(unsupported("lossless coding")),
            0xC9..=0xCB | 0xCD..=0xCF => return Err(unsupported("arithmetic coding")),
            0xF7 => return Err(unsupported("JPEG-LS")),
            _ => return Err(unsupported("hierarchical coding")),
        }
        let [precision, y1, y0, x1, x0, count, components @ ..] = segment else {
            return Err(damaged("its header is cut short"));
        };
        if *precision != 8 {
            return Err(unsupported(format_args!("{precision} bits a sample")));
        }
        let width = usize::from(u16::from_be_bytes([*x1, *x0]));
        let height = usize::from(u16::from_be_bytes([*y1, *y0]));
        if height == 0 && width != 0 {
            return Err(unsupported("the height behind the image"));
        }
        if width == 0 || height == 0 {
            return Err(damaged(format_args!("{width}x{height} pixels")));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(unsupported(format_args!("{count} components")));
        }
        let Some(components) = components.as_chunks::<3>().0.get(..usize::from(*count)) else {
            return Err(damaged("its header is cut short"));
        };
        let factors = |both: u8| (usize::from(both >> 4), usize::from(both & 15));
        if components.iter().any(|it| !(1..=4).contains(&(it[1] >> 4)) || !(1..=4).contains(&(it[1] & 15))) {
            return Err(damaged("sampling factors beyond 4"));
        }
        // A single component's blocks always stand one behind the other.
        let factors = |both| if *count == 1 { (1, 1) } else { factors(both) };
        let h_max = components.iter().map(|it| factors(it[1]).0).max().unwrap_or(1);
        let v_max = components.iter().map(|it| factors(it[1]).1).max().unwrap_or(1);
        let (units_x, units_y) = (width.div_ceil(8 * h_max), height.div_ceil(8 * v_max));
        let component = |&[id, sampling, quantization]: &[u8; 3]| {
            let (h, v) = factors(sampling);
            if h_max % h != 0 || v_max % v != 0 {
                return Err(unsupported(format_args!("sampling factors {h}x{v} beside {h_max}x{v_max}")));
            }
            Ok(Component {
                id,
                h,
                v,
                quantization: usize::from(quantization),
                width: (width * h).div_ceil(h_max),
                height: (height * v).div_ceil(v_max),
                blocks_x: units_x * h,
                blocks_y: units_y * v,
            })
        };
        let components = components.iter().map(component).collect::<Result<Vec<_>>>()?;
        let ids = |i: usize| components[..i].iter().any(|it| it.id == components[i].id);
        if (1..components.len()).any(ids) {
            return Err(damaged("two components of one name"));
        }
        Ok(Self { progressive: code == 0xC2, width, height, components, h_max, v_max, units_x, units_y })
    }

    /// The blocks of all components that have samples of the image.
    pub(super) fn blocks_inside(&self) -> usize {
        self.components.iter().map(|it| it.width.div_ceil(8) * it.height.div_ceil(8)).sum()
    }

    /// The bytes that decoding takes beside the image, at most: coefficients if it is progressive, samples if it is not and
    /// its components are in scans of their own.
    pub(super) fn working_bytes(&self) -> u64 {
        let blocks: usize = self.components.iter().map(Component::blocks).sum();
        blocks as u64 * 64 * if self.progressive { 2 } else { 1 }
    }
}
