//! The points that a model file gives: how many, by its shapes, and what its description calls them.

use safetensors::SafeTensors;

use crate::arch::Stage;
use crate::points::{MOST_POINTS, PointNames};

/// The key under which a description has the names of the points, with commas. One of the five has no such key.
pub(super) const NAMES: &str = "points";

/// The key under which it has the order of the values of their head.
pub(super) const ORDER: &str = "landmarks";

/// How many points a net of a file gives, by the shape of their head: none without one.
pub(super) fn count(file: &SafeTensors<'_>, stage: Stage) -> Result<usize, String> {
    let name = format!("{stage}.lm.weight");
    let Ok(tensor) = file.tensor(&name) else { return Ok(0) };
    match tensor.shape() {
        &[rows, _] if rows.is_multiple_of(2) && (1..=MOST_POINTS).contains(&(rows / 2)) => Ok(rows / 2),
        shape => Err(format!(
            "the tensor {name} has the shape {shape:?}: it must have two rows for each point, and 1 to {MOST_POINTS} points"
        )),
    }
}

/// The names of so many points, of which the entries of a description may say the names, or only that there are some.
pub(super) fn names<'a>(points: usize, entry: impl Fn(&str) -> Option<&'a str>) -> Result<PointNames, String> {
    let Some(described) = entry(NAMES) else {
        return match points == 0 && entry(ORDER).is_some() {
            true => Err("the tensor onet.lm.weight is missing".into()),
            false => Ok(PointNames::of_count(points)),
        };
    };
    let names = described.split(',').filter(|_| !described.is_empty()).take(MOST_POINTS + 1);
    let names = PointNames::new(names.map(str::to_owned).collect())?;
    match names.len() == points {
        true => Ok(names),
        false => Err(format!("it has {points} points, and names of {}", names.len())),
    }
}
