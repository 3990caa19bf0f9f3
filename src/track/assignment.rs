//! Who goes with whom: pairs of rows and columns, one to one, whose gains have the largest sum.
//!
//! Rows and columns that share no pair do not concern each other, so they fall into groups, mostly of one pair. Each group is
//! solved by the Hungarian method with shortest augmenting paths (Kuhn 1955, Munkres 1957; Jonker and Volgenant 1987).

/// A row, a column, and what is gained if they go together: a positive number.
pub(crate) type Pair = (usize, usize, f64);

/// The pairs of the largest sum, in the order of the rows. What has no pair, or is better left alone, is in none.
pub(crate) fn assign(rows: usize, columns: usize, pairs: &[Pair]) -> Vec<(usize, usize)> {
    debug_assert!(pairs.iter().all(|&(row, column, gain)| row < rows && column < columns && gain > 0.0));
    // A forest over rows and columns: each points to one of its group.
    let mut heads: Vec<usize> = (0..rows + columns).collect();
    for &(row, column, _) in pairs {
        let (a, b) = (head(&mut heads, row), head(&mut heads, rows + column));
        heads[a.max(b)] = a.min(b);
    }
    // The first of a group is a row, as each pair has one.
    let mut groups: Vec<Vec<Pair>> = vec![Vec::new(); rows];
    for &pair in pairs {
        groups[head(&mut heads, pair.0)].push(pair);
    }
    let mut chosen: Vec<_> = groups.iter().filter(|group| !group.is_empty()).flat_map(|group| solve(group)).collect();
    chosen.sort_unstable();
    chosen
}

fn head(heads: &mut [usize], mut of: usize) -> usize {
    while heads[of] != of {
        heads[of] = heads[heads[of]];
        of = heads[of];
    }
    of
}

/// The pairs of a group.
fn solve(pairs: &[Pair]) -> Vec<(usize, usize)> {
    if let &[(row, column, _)] = pairs {
        return vec![(row, column)];
    }
    let distinct = |of: fn(&Pair) -> usize| {
        let mut all: Vec<_> = pairs.iter().map(of).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let (rows, columns) = (distinct(|pair| pair.0), distinct(|pair| pair.1));
    // The method wants no more lines than places.
    let turned = rows.len() > columns.len();
    let (lines, places) = if turned { (&columns, &rows) } else { (&rows, &columns) };
    let mut gains = vec![0.0; lines.len() * places.len()];
    for &(row, column, gain) in pairs {
        let (line, place) = if turned { (column, row) } else { (row, column) };
        let index = |all: &[usize], it: usize| all.binary_search(&it).expect("it is of the group");
        gains[index(lines, line) * places.len() + index(places, place)] = gain;
    }
    let taken = hungarian(lines.len(), places.len(), &gains);
    let pairs = taken.into_iter().enumerate().filter_map(|(place, line)| Some((line?, place)));
    let real = pairs.filter(|&(line, place)| gains[line * places.len() + place] > 0.0);
    real.map(|(line, place)| if turned { (places[place], lines[line]) } else { (lines[line], places[place]) }).collect()
}

/// For each place the line that takes it, so that all lines have one and the sum of the gains is the largest.
fn hungarian(lines: usize, places: usize, gains: &[f64]) -> Vec<Option<usize>> {
    let (mut of_line, mut of_place) = (vec![0.0; lines], vec![0.0; places]);
    let mut taken: Vec<Option<usize>> = vec![None; places];
    let (mut least, mut before, mut done) = (vec![0.0; places], vec![None; places], vec![false; places]);
    for new in 0..lines {
        // The shortest path from the new line to a free place, over lines that give up theirs.
        least.fill(f64::INFINITY);
        done.fill(false);
        let (mut line, mut from, mut reached) = (new, None, 0.0);
        let free = loop {
            let mut nearest = None;
            for place in (0..places).filter(|&place| !done[place]) {
                let way = reached - gains[line * places + place] - of_line[line] - of_place[place];
                if way < least[place] {
                    (least[place], before[place]) = (way, from);
                }
                if nearest.is_none_or(|nearest: usize| least[place] < least[nearest]) {
                    nearest = Some(place);
                }
            }
            let nearest = nearest.expect("no more lines than places");
            (done[nearest], reached) = (true, least[nearest]);
            match taken[nearest] {
                Some(other) => (line, from) = (other, Some(nearest)),
                None => break nearest,
            }
        };
        of_line[new] += reached;
        for place in (0..places).filter(|&place| done[place]) {
            let shorter = reached - least[place];
            of_place[place] -= shorter;
            if let Some(line) = taken[place] {
                of_line[line] += shorter;
            }
        }
        // Each line of the path moves on.
        let mut place = free;
        while let Some(from) = before[place] {
            taken[place] = taken[from];
            place = from;
        }
        taken[place] = Some(new);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest sum by trying everything.
    fn best(rows: usize, gains: &[Vec<f64>], taken: u32) -> f64 {
        let Some(row) = rows.checked_sub(1) else { return 0.0 };
        let free = (0..gains[row].len()).filter(|column| taken & 1 << column == 0);
        let with = |column: usize| gains[row][column] + best(row, gains, taken | 1 << column);
        free.map(with).fold(best(row, gains, taken), f64::max)
    }

    /// Numbers that look random: the test needs no more.
    fn numbers() -> impl FnMut() -> u64 {
        let mut state = 1_u64;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        }
    }

    #[test]
    fn the_sum_is_that_of_trying_everything() {
        let mut number = numbers();
        for round in 0..3000 {
            let (rows, columns) = (number() as usize % 7, number() as usize % 7);
            // From full to sparse; whole numbers make ties.
            let part = 1 + round % 5;
            let mut gain = || if number().is_multiple_of(part) { (number() % 10) as f64 / 7.0 } else { 0.0 };
            let gains: Vec<Vec<f64>> = (0..rows).map(|_| (0..columns).map(|_| gain()).collect()).collect();
            let pairs: Vec<Pair> = (0..rows)
                .flat_map(|row| (0..columns).map(move |column| (row, column)))
                .map(|(row, column)| (row, column, gains[row][column]))
                .filter(|pair| pair.2 > 0.0)
                .collect();
            let chosen = assign(rows, columns, &pairs);
            let sum: f64 = chosen.iter().map(|&(row, column)| gains[row][column]).sum();
            approx::assert_abs_diff_eq!(sum, best(rows, &gains, 0), epsilon = 1e-9);
            let once =
                |of: fn(&(usize, usize)) -> usize| chosen.iter().map(of).collect::<std::collections::HashSet<_>>();
            assert_eq!((once(|it| it.0).len(), once(|it| it.1).len()), (chosen.len(), chosen.len()));
            assert!(chosen.iter().all(|&(row, column)| gains[row][column] > 0.0));
        }
    }

    #[test]
    fn one_gives_way_where_all_gain() {
        assert_eq!(assign(2, 2, &[(0, 0, 0.8), (0, 1, 0.7), (1, 0, 0.6)]), [(0, 1), (1, 0)]);
        assert_eq!(assign(2, 2, &[(0, 0, 0.8), (0, 1, 0.1), (1, 0, 0.6)]), [(0, 0)]);
        assert_eq!(assign(3, 0, &[]), []);
    }
}
