//! Which places of a map are wanted, as bits.

/// Columns that are wanted together: as many as a tile of Winograd's way along the row has, so that each value of a part is
/// summed up as in the whole.
const TOGETHER: usize = 4;

/// Places of a map that are wanted, [`Wanted::reset`] for each map and used again.
///
/// ```
/// use mtcnn_kernels::Wanted;
///
/// let mut wanted = Wanted::default();
/// wanted.reset(2, 10);
/// wanted.add(1, 9);
/// assert_eq!(wanted.places().collect::<Vec<_>>(), [(1, 8), (1, 9)], "with those beside it");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    rows: usize,
    columns: usize,
    /// A bit for each few columns, the lowest first; rows begin with a word.
    words: Vec<u64>,
}

impl Wanted {
    /// A map of which nothing is wanted.
    pub fn reset(&mut self, rows: usize, columns: usize) {
        (self.rows, self.columns) = (rows, columns);
        self.words.clear();
        self.words.resize(rows * self.row_words(), 0);
    }

    /// A place is wanted, and with it those that are made in one go with it.
    ///
    /// # Panics
    /// If the map has no such place.
    pub fn add(&mut self, row: usize, column: usize) {
        assert!(row < self.rows && column < self.columns, "a place of the map");
        let tile = column / TOGETHER;
        let at = row * self.row_words() + tile / 64;
        self.words[at] |= 1 << (tile % 64);
    }

    /// Rows and columns of the map.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The places that are wanted, and those made with them: row and column, in the order of the map.
    pub fn places(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.rows).flat_map(move |row| {
            let runs = std::iter::successors(self.run(row, 0, 0), move |&(_, end)| self.run(row, 0, end));
            runs.flat_map(move |(from, end)| (from..end.min(self.columns)).map(move |column| (row, column)))
        })
    }

    /// The first run of columns from `column` on that are wanted in row `row`, or in one of up to `reach` rows above it:
    /// from, to, both whole groups of columns. The end may lie beyond the map.
    pub(crate) fn run(&self, row: usize, reach: usize, column: usize) -> Option<(usize, usize)> {
        let words = self.row_words();
        let rows = row.saturating_sub(reach)..(row + 1).min(self.rows);
        let word = |at: usize| rows.clone().fold(0, |all, row| all | self.words[row * words + at]);
        let next = |tile: usize, flip: u64| {
            let mut mask = u64::MAX << (tile % 64);
            for at in tile / 64..words {
                let bits = (word(at) ^ flip) & mask;
                if bits != 0 {
                    return Some(at * 64 + bits.trailing_zeros() as usize);
                }
                mask = u64::MAX;
            }
            None
        };
        let first = next(column / TOGETHER, 0)?;
        let end = next(first, u64::MAX).unwrap_or(words * 64);
        Some((first * TOGETHER, end * TOGETHER))
    }

    fn row_words(&self) -> usize {
        self.columns.div_ceil(64 * TOGETHER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_those_that_bits_one_by_one_make() {
        let (rows, columns) = (5, 1100);
        let mut wanted = Wanted::default();
        wanted.reset(rows, columns);
        assert!(wanted.is_empty() && wanted.places().next().is_none());
        let mut state = 1_u32;
        for _ in 0..200 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            wanted.add(state as usize >> 8 & 3, (state >> 12) as usize % columns);
        }
        (0..300).for_each(|column| wanted.add(2, 400 + column));
        assert_eq!(wanted.run(4, 0, 0), None, "the last row has none");
        let tiles = columns.div_ceil(TOGETHER);
        let is = |row: usize, tile: usize| wanted.words[row * wanted.row_words() + tile / 64] >> (tile % 64) & 1 == 1;
        for reach in [0, 2, 4] {
            for row in 0..rows + reach {
                let any = |tile: usize| (row.saturating_sub(reach)..=row.min(rows - 1)).any(|row| is(row, tile));
                let (mut seen, mut at) = (vec![false; tiles], 0);
                while let Some((from, to)) = wanted.run(row, reach, at) {
                    assert!(from % TOGETHER == 0 && from >= at && to > from);
                    (from / TOGETHER..to.div_ceil(TOGETHER)).for_each(|tile| seen[tile] = true);
                    at = to;
                }
                assert_eq!(seen, (0..tiles).map(any).collect::<Vec<_>>(), "row {row}, reach {reach}");
            }
        }
    }
}
