//! General matrix multiplication, C += A·B, packed and blocked for the caches.

use crate::shape::product;
use crate::simd::{Kernel, Simd, dispatch, load_up_to};
use crate::tile::{Panels, most_rows, store_columns, tile, with_tile};
use crate::{Buffer, Isa};

/// A matrix in memory: element `(r, c)` is `data[r·row_stride + c·column_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// The elements.
    pub data: &'a [f32],
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// From one row to the next.
    pub row_stride: usize,
    /// From one column to the next.
    pub column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A matrix whose rows lie one behind the other.
    #[must_use]
    pub const fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self { data, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The same elements with rows and columns exchanged.
    #[must_use]
    pub const fn transposed(self) -> Self {
        let Self { data, rows: columns, columns: rows, row_stride: column_stride, column_stride: row_stride } = self;
        Self { data, rows, columns, row_stride, column_stride }
    }
}

impl Matrix<'_> {
    /// Copies what stands in row `r` from column `from` on.
    #[inline(always)]
    fn copy<'a>(&self, r: usize, from: usize, to: impl Iterator<Item = &'a mut f32>) {
        let first = r * self.row_stride + from * self.column_stride;
        if self.column_stride == 1 {
            to.zip(&self.data[first..]).for_each(|(to, from)| *to = *from);
        } else {
            to.enumerate().for_each(|(i, to)| *to = self.data[first + i * self.column_stride]);
        }
    }

    fn check(&self) {
        let Self { rows, columns, .. } = *self;
        if rows > 0 && columns > 0 {
            let last = (rows - 1) * self.row_stride + (columns - 1) * self.column_stride;
            let count = self.data.len();
            assert!(last < count, "a matrix of {rows}x{columns} reaches beyond its {count} values");
        }
    }
}

/// Steps of the depth that are done at a time: this many rows of a panel of B, up to 48 columns wide,
/// are 48 KiB and stay in the second-level cache while A runs by.
const DEPTH_BLOCK: usize = 256;
/// Rows of A packed at a time: 96 KiB with `DEPTH_BLOCK`.
const ROW_BLOCK: usize = 96;

/// `C += A·B`, C's rows one behind the other.
///
/// ```
/// use mtcnn_kernels::Isa;
/// use mtcnn_kernels::gemm::{Matrix, gemm};
///
/// let a = Matrix::new(&[1.0, 2.0, 3.0, 4.0], 2, 2);
/// let mut c = [10.0; 4];
/// gemm(Isa::best(), a, a.transposed(), &mut c);
/// assert_eq!(c, [15.0, 21.0, 21.0, 35.0]);
/// ```
///
/// # Panics
/// If a matrix is larger than its slice, A has not as many columns as B has rows, or C is not of the product's size.
pub fn gemm(isa: Isa, a: Matrix<'_>, b: Matrix<'_>, c: &mut [f32]) {
    b.check();
    let mut panels = Panels::zeros(isa, b.rows, b.columns);
    panels.fill_rows(|row, column, to| b.copy(row, column, to.iter_mut()));
    multiply_add(a, &panels, c);
}

/// `C += A·B` with B already packed.
pub(crate) fn multiply_add(a: Matrix<'_>, b: &Panels, c: &mut [f32]) {
    a.check();
    assert_eq!(a.columns, b.depth, "as many columns of A as rows of B");
    assert_eq!(c.len(), product([a.rows, b.columns]), "C [rows][columns]");
    dispatch(b.isa, MultiplyAdd { a, b, c });
}

struct MultiplyAdd<'a> {
    a: Matrix<'a>,
    b: &'a Panels,
    c: &'a mut [f32],
}

impl Kernel for MultiplyAdd<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { a, b, c } = self;
        let m = a.rows;
        let width = b.width();
        let tile_rows = most_rows::<S>(b.vectors);
        let mut packed = Buffer::zeros(ROW_BLOCK.min(m).next_multiple_of(tile_rows) * DEPTH_BLOCK.min(b.depth));
        for k0 in (0..b.depth).step_by(DEPTH_BLOCK) {
            let depth = DEPTH_BLOCK.min(b.depth - k0);
            for m0 in (0..m).step_by(ROW_BLOCK) {
                let rows = ROW_BLOCK.min(m - m0);
                pack_rows(&mut packed, a, tile_rows, m0, rows, k0, depth);
                for column in (0..b.columns).step_by(width) {
                    let panel = &b.panel(column / width)[k0 * width..][..depth * width];
                    for r0 in (0..rows).step_by(tile_rows) {
                        let rows = tile_rows.min(rows - r0);
                        let from = &packed[r0 * depth..][..tile_rows * depth];
                        let to = &mut c[(m0 + r0) * b.columns + column..];
                        // SAFETY: `from` and `panel` hold `depth` steps; `to` begins at the tile's first
                        // element and reaches to the end of C.
                        unsafe {
                            with_tile!(S, rows, b.vectors, add_tile(s, from, panel, to, b.columns, column, depth));
                        }
                    }
                }
            }
        }
    }
}

/// Copies rows of A so that the values of one step of a tile lie side by side:
/// `[tile][step][row of the tile]`. Rows beyond the last are left as they are and not read.
#[inline(always)]
fn pack_rows(packed: &mut [f32], a: Matrix<'_>, tile_rows: usize, m0: usize, rows: usize, k0: usize, depth: usize) {
    for r in 0..rows {
        let (first, offset) = (r / tile_rows * tile_rows, r % tile_rows);
        let to = packed[first * depth + offset..].iter_mut().step_by(tile_rows).take(depth);
        a.copy(m0 + r, k0, to);
    }
}

/// Adds one tile's product to C, which is `columns` wide; the tile begins in column `column`.
///
/// # Safety
/// `a` must hold `depth` steps of the most rows that such a tile has, `b` `depth` steps of `VECTORS` vectors, and `c`
/// begin at the tile's first element and hold `ROWS` rows, the last up to C's last column.
#[inline(always)]
unsafe fn add_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    s: S,
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
    columns: usize,
    column: usize,
    depth: usize,
) {
    let left = columns - column;
    let mut sums = [[s.splat(0.0); VECTORS]; ROWS];
    // SAFETY: the caller gives the packed blocks, and the tile's part of C.
    unsafe {
        tile(s, &mut sums, a.as_ptr(), 1, most_rows::<S>(VECTORS), b.as_ptr(), depth);
        for r in 0..ROWS {
            let row = c.as_mut_ptr().add(r * columns);
            for v in 0..VECTORS {
                let before = load_up_to(s, row.add(v * S::LANES), left.saturating_sub(v * S::LANES));
                sums[r][v] = s.add(before, sums[r][v]);
            }
            store_columns(s, row, &sums[r], left);
        }
    }
}
