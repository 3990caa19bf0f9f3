//! The register tile that convolution, dense layers and GEMM share, and the packing that feeds it.
//!
//! A tile is `ROWS` rows by `VECTORS` vectors of sums that stay in registers while the depth is run
//! through: each step broadcasts one value a row of A and multiplies it with `VECTORS` vectors of B.

use crate::simd::{Kernel, Simd, dispatch, store_pieces_up_to};
use crate::{Buffer, Isa};

/// The sizes of an instruction set's tiles.
pub(crate) trait TileSizes: Simd {
    /// The most vectors that a tile is wide.
    const TILE_VECTORS: usize = if Self::REGISTERS == 32 { 3 } else { 2 };
    /// The most sums of a tile. With the vectors of one step and a broadcast, they must fit into the registers: a tile that
    /// spills is many times slower.
    const TILE_SUMS: usize = if Self::REGISTERS == 32 { 24 } else { 12 };
    /// The most rows of a tile: enough to hide the latency of a multiply-add, and few enough that their addresses fit into
    /// the registers too.
    const TILE_ROWS: usize = 8;
}

impl<S: Simd> TileSizes for S {}

/// A matrix B of `depth` rows and `columns` columns, cut into panels of a few vectors' width: the
/// values that a tile reads in one step lie side by side, and the next step's behind them.
///
/// The last panel is filled up with zeros. The width depends on the instruction set.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    pub(crate) isa: Isa,
    /// Of the vectors of the instruction set.
    pub(crate) lanes: usize,
    pub(crate) depth: usize,
    pub(crate) columns: usize,
    /// Vectors in a panel's width.
    pub(crate) vectors: usize,
    data: Buffer,
}

impl Panels {
    /// Packs the matrix whose element in row `k` and column `n` is `element(k, n)`.
    pub(crate) fn pack(isa: Isa, depth: usize, columns: usize, element: impl Fn(usize, usize) -> f32) -> Self {
        let mut panels = Self::zeros(isa, depth, columns);
        panels.fill(element);
        panels
    }

    /// A matrix of zeros.
    pub(crate) fn zeros(isa: Isa, depth: usize, columns: usize) -> Self {
        let (lanes, most_vectors) = widths(isa);
        // The width that wastes the fewest lanes; the wider of two that waste the same.
        let padded = |vectors: &usize| columns.next_multiple_of(vectors * lanes);
        let vectors = (1..=most_vectors).rev().min_by_key(padded).unwrap_or(1);
        Self::zeros_of_width(isa, vectors, depth, columns)
    }

    /// [`Panels::zeros`] with panels of `vectors` vectors.
    pub(crate) fn zeros_of_width(isa: Isa, vectors: usize, depth: usize, columns: usize) -> Self {
        let (lanes, _) = widths(isa);
        let width = vectors * lanes;
        Self { isa, lanes, depth, columns, vectors, data: Buffer::zeros(depth * width * columns.div_ceil(width)) }
    }

    /// Packs another matrix of the same size in the place of this one.
    pub(crate) fn fill(&mut self, element: impl Fn(usize, usize) -> f32) {
        self.fill_rows(|k, first, row| {
            for (n, slot) in row.iter_mut().enumerate() {
                *slot = element(k, first + n);
            }
        });
    }

    /// [`Panels::fill`] a piece of a row at a time: `copy(k, first, piece)` writes what stands in row `k` from column
    /// `first` on.
    pub(crate) fn fill_rows(&mut self, copy: impl Fn(usize, usize, &mut [f32])) {
        let (depth, columns, width) = (self.depth, self.columns, self.width());
        for (panel, rows) in self.data.chunks_exact_mut((depth * width).max(1)).enumerate() {
            let first = panel * width;
            let count = width.min(columns - first);
            for (k, row) in rows.chunks_exact_mut(width).enumerate() {
                // Those behind the last column stay 0.
                copy(k, first, &mut row[..count]);
            }
        }
    }

    /// Columns of a panel.
    pub(crate) fn width(&self) -> usize {
        self.vectors * self.lanes
    }

    /// Columns of all panels.
    pub(crate) fn padded_columns(&self) -> usize {
        self.columns.next_multiple_of(self.width())
    }

    /// The panel that holds the columns from `panel * width()` on.
    #[inline(always)]
    pub(crate) fn panel(&self, panel: usize) -> &[f32] {
        let size = self.depth * self.width();
        &self.data[panel * size..][..size]
    }

    /// `values`, filled up to all panels' columns.
    pub(crate) fn pad(&self, values: &[f32], filler: f32) -> Buffer {
        assert_eq!(values.len(), self.columns, "a value for each column");
        let mut padded = Buffer::zeros(self.padded_columns());
        padded.fill(filler);
        padded[..values.len()].copy_from_slice(values);
        padded
    }
}

/// The lanes of an instruction set's vectors, and the most vectors that a tile is wide.
///
/// # Panics
/// If the machine lacks the instruction set.
pub(crate) fn widths(isa: Isa) -> (usize, usize) {
    struct Widths<'a>(&'a mut (usize, usize));
    impl Kernel for Widths<'_> {
        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            *self.0 = (S::LANES, S::TILE_VECTORS);
        }
    }
    let mut widths = (0, 0);
    dispatch(isa, Widths(&mut widths));
    widths
}

/// The instruction set for a matrix of `columns` columns: half as long vectors where the other half would be idle.
pub(crate) fn isa_for_columns(isa: Isa, columns: usize) -> Isa {
    if isa == Isa::Avx512 && columns <= widths(Isa::Avx2).0 { Isa::Avx2 } else { isa }
}

/// `sums += A·B` for one tile: row `r` of A at step `k` is `a[r·a_row + k·a_step]`, and B is `depth`
/// steps of a panel, `VECTORS` vectors each.
///
/// # Safety
/// A and B must be readable in all places named.
#[inline(always)]
pub(crate) unsafe fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    s: S,
    sums: &mut [[S::V; VECTORS]; ROWS],
    a: *const f32,
    a_row: usize,
    a_step: usize,
    b: *const f32,
    depth: usize,
) {
    for k in 0..depth {
        let mut bs = [s.splat(0.0); VECTORS];
        for v in 0..VECTORS {
            // SAFETY: the caller gives `depth` steps of B.
            bs[v] = unsafe { s.load(b.add((k * VECTORS + v) * S::LANES)) };
        }
        for r in 0..ROWS {
            // SAFETY: the caller gives `ROWS` rows and `depth` steps of A.
            let broadcast = s.splat(unsafe { *a.add(r * a_row + k * a_step) });
            for v in 0..VECTORS {
                sums[r][v] = s.mul_add(broadcast, bs[v], sums[r][v]);
            }
        }
    }
}

/// Writes a row of a tile, of which only the first `columns` columns exist.
///
/// # Safety
/// `min(columns, VECTORS * LANES)` values must be writable at `out`.
#[inline(always)]
pub(crate) unsafe fn store_columns<S: Simd, const VECTORS: usize>(
    s: S,
    out: *mut f32,
    row: &[S::V; VECTORS],
    columns: usize,
) {
    for v in 0..VECTORS {
        // SAFETY: the first `columns` values are writable, and no more is written.
        unsafe { store_pieces_up_to(s, out.add(v * S::LANES), row[v], columns.saturating_sub(v * S::LANES)) };
    }
}

/// The most rows of a tile that is `vectors` wide.
#[inline(always)]
pub(crate) fn most_rows<S: Simd>(vectors: usize) -> usize {
    S::TILE_ROWS.min(S::TILE_SUMS / vectors)
}

/// Calls `$function::<S, ROWS, VECTORS>($args)` with the run-time `$rows` as a constant.
macro_rules! with_rows {
    ($rows:expr, $s:ident, $vectors:tt, $function:ident($($arg:expr),* $(,)?)) => {
        match $rows {
            1 => $function::<$s, 1, $vectors>($($arg),*),
            2 => $function::<$s, 2, $vectors>($($arg),*),
            3 => $function::<$s, 3, $vectors>($($arg),*),
            4 => $function::<$s, 4, $vectors>($($arg),*),
            5 => $function::<$s, 5, $vectors>($($arg),*),
            6 => $function::<$s, 6, $vectors>($($arg),*),
            7 if <$s as $crate::tile::TileSizes>::TILE_SUMS >= 7 * $vectors => $function::<$s, 7, $vectors>($($arg),*),
            8 if <$s as $crate::tile::TileSizes>::TILE_SUMS >= 8 * $vectors => $function::<$s, 8, $vectors>($($arg),*),
            _ => unreachable!("a tile of too many rows"),
        }
    };
}

/// Calls `$function::<S, ROWS, VECTORS>($args)` with the run-time `$rows` and `$vectors` as constants:
/// a tile's sums stay in registers only if its size is known when it is compiled.
macro_rules! with_tile {
    ($s:ident, $rows:expr, $vectors:expr, $function:ident($($arg:expr),* $(,)?)) => {
        match $vectors {
            1 => $crate::tile::with_rows!($rows, $s, 1, $function($($arg),*)),
            2 => $crate::tile::with_rows!($rows, $s, 2, $function($($arg),*)),
            3 if <$s as $crate::tile::TileSizes>::TILE_VECTORS > 2 => $crate::tile::with_rows!($rows, $s, 3, $function($($arg),*)),
            _ => unreachable!("a panel has at most TILE_VECTORS vectors"),
        }
    };
}

pub(crate) use {with_rows, with_tile};

/// Cuts `rows` rows into tiles of at most `most` rows: `(number of tiles, rows of each)`. The tiles
/// are of one size, since the last may overlap the one before it.
#[inline(always)]
pub(crate) fn even_tiles(rows: usize, most: usize) -> (usize, usize) {
    let tiles = rows.div_ceil(most);
    (tiles, rows.div_ceil(tiles.max(1)))
}
