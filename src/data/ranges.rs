//! What each number of samples and training may be: one table for recipes, the library and the command line.

use serde::Serialize;
use toml::Value;

use crate::detect::{FACTORS, MIN_FACES, THRESHOLDS};
use crate::points::MOST_POINTS;
use crate::quote::quoted;
use crate::range::Range;

/// By the keys of a recipe, without that of the net. A list has the range of its values, a table of free keys that of its
/// entries.
const RANGES: &[(&str, Range)] = &[
    ("evaluation.min_face", MIN_FACES),
    // Of the faces that must be found: an option of `eval`, in no recipe.
    ("evaluation.min_size", Range::pixels(0.0, 1e9)),
    ("evaluation.thresholds", THRESHOLDS),
    ("mining.factor", FACTORS),
    ("mining.min_face", MIN_FACES),
    ("mining.thresholds", THRESHOLDS),
    // Each of them takes two numbers of every sample and answer.
    ("points", Range::new(0.0, MOST_POINTS as f64)),
    ("samples.caps.landmarks", Range::new(0.0, 1e15)),
    ("samples.caps.negatives", Range::new(0.0, 1e15)),
    ("samples.caps.parts", Range::new(0.0, 1e15)),
    ("samples.caps.positives", Range::new(0.0, 1e15)),
    ("samples.landmarks.degrees", Range::new(0.0, 90.0)),
    ("samples.landmarks.min_face", Range::pixels(0.0, 1e9)),
    ("samples.landmarks.mined", Range::new(0.0, 1.0)),
    ("samples.landmarks.tries", Range::new(0.0, 1e3)),
    // A sample of 48 pixels has 7 KB, and those of an image are in memory together.
    ("samples.mined.negatives", Range::new(0.0, 1e5)),
    // Below .4 it is not even a part of a face.
    ("samples.mined.positive", Range::new(0.4, 1.0)),
    ("samples.mined.side", Range::pixels(1.0, 1e5)),
    ("samples.random.face", Range::new(0.0, 1e3)),
    ("samples.random.min_face", Range::pixels(0.0, 1e9)),
    ("samples.random.near", Range::new(0.0, 1e3)),
    ("samples.random.near_side", Range::pixels(1.0, 1e5)),
    ("samples.random.negatives", Range::new(0.0, 1e5)),
    ("samples.random.side", Range::pixels(1.0, 1e5)),
    ("samples.random.tries", Range::new(0.0, 1e3)),
    ("training.batch", Range::new(0.0, 65536.0)),
    ("training.blend", Range::new(0.0, 1.0)),
    ("training.dropout", Range::new(0.0, 0.99)),
    ("training.folders", Range::new(0.0, 1e6)),
    ("training.hard_ratio", Range::new(0.0, 1.0)),
    ("training.initialisation.deviation", Range::new(0.0, 1e3)),
    ("training.initialisation.magnitude", Range::new(0.0, 1e3)),
    ("training.jitter", Range::new(0.0, 1.0)),
    ("training.momentum", Range::new(0.0, 0.9999)),
    ("training.rate", Range::new(0.0, 1e3)),
    ("training.rate_decay.at", Range::new(0.0, 1e12)),
    ("training.rate_decay.every", Range::new(1.0, 1e12)),
    ("training.rate_decay.factor", Range::new(0.0, 1.0)),
    ("training.rate_decay.to", Range::new(0.0, 1.0)),
    ("training.rate_decay.until", Range::new(0.0, 1e12)),
    ("training.score_shift", Range::new(-10.0, 10.0)),
    // None leaves a given net as it is.
    ("training.steps", Range::new(0.0, 1e12)),
    ("training.warm_up", Range::new(0.0, 1e12)),
    ("training.weight_decay", Range::new(0.0, 1.0)),
    ("training.weights", Range::new(0.0, 1e6)),
];

/// The range of a recipe's key, such as `training.rate`.
///
/// # Panics
/// If the key is none of a recipe's numbers.
#[must_use]
pub fn range(key: &str) -> Range {
    find(key).unwrap_or_else(|| panic!("{key} has no range"))
}

/// Of the key, or of what it is a part of.
fn find(mut key: &str) -> Option<Range> {
    loop {
        match RANGES.binary_search_by_key(&key, |entry| entry.0) {
            Ok(at) => return Some(RANGES[at].1),
            Err(_) => key = key.rsplit_once('.')?.0,
        }
    }
}

/// Checks each number of a part of a recipe, which is there at `key`, such as `pnet.samples`.
pub(crate) fn check(key: &str, part: &impl Serialize) -> Result<(), String> {
    walk(key, &Value::try_from(part).map_err(|error| error.to_string())?)
}

fn walk(key: &str, value: &Value) -> Result<(), String> {
    let number = match value {
        Value::Table(table) => return table.iter().try_for_each(|(name, value)| walk(&format!("{key}.{name}"), value)),
        Value::Array(values) => return values.iter().try_for_each(|value| walk(key, value)),
        Value::Integer(number) => *number as f64,
        Value::Float(number) => *number,
        _ => return Ok(()),
    };
    let bare = ["pnet.", "rnet.", "onet."].iter().find_map(|net| key.strip_prefix(net)).unwrap_or(key);
    find(bare).map_or(Ok(()), |range| range.check(&quoted(key).to_string(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(RANGES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
