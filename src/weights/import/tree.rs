//! The arrays of a pickle, wherever its dictionaries and lists hold them: names are the keys and places on the way there.

use super::pickle::{Id, Known, Pickle, Value};
use crate::quote::quoted;

/// What a pickle holds.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Arrays and tensors in their order, by names such as `pnet.conv1.weight`.
    pub(super) arrays: Vec<(String, Id)>,
    /// Entries of a checkpoint that have arrays as the nets do, but are no nets.
    pub(super) left_out: Vec<String>,
}

/// Dictionaries and lists in each other.
const MOST_DEPTH: usize = 8;
/// Values looked at: one may be named by many.
const MOST_VALUES: usize = 20_000;
/// Bytes of a key.
const LONGEST_KEY: usize = 200;

impl Tree {
    pub(super) fn of(pickle: &Pickle<'_>) -> Result<Self, String> {
        let mut walk = Walk { pickle, tree: Self::default(), left: MOST_VALUES };
        walk.visit(pickle.root, "", 0)?;
        Ok(walk.tree)
    }
}

struct Walk<'a> {
    pickle: &'a Pickle<'a>,
    tree: Tree,
    left: usize,
}

impl Walk<'_> {
    fn visit(&mut self, id: Id, name: &str, depth: usize) -> Result<(), String> {
        self.left = self.left.checked_sub(1).ok_or_else(|| format!("more than {MOST_VALUES} values are in it"))?;
        if depth > MOST_DEPTH {
            return Err(format!("more than {MOST_DEPTH} dictionaries and lists are in each other in it"));
        }
        let under = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
        let pickle = self.pickle;
        if let Some(items) = objects(pickle, id).or_else(|| pickle.items(id)) {
            for (place, &item) in items.iter().enumerate() {
                // An array of one object is that object.
                let name = if items.len() == 1 { name.to_owned() } else { under(&(place + 1).to_string()) };
                self.visit(item, &name, depth + 1)?;
            }
        } else if let Some(entries) = pickle.dict(id) {
            for &(key, value) in entries {
                let key = match pickle.size(key) {
                    Some(number) => number.to_string(),
                    None => pickle.text(key).ok_or("a dictionary in it has a key that is no text")?.to_owned(),
                };
                if key.len() > LONGEST_KEY {
                    return Err(format!("a name of {} bytes: {}", key.len(), quoted(&key)));
                }
                // What an optimizer remembers has the shapes of the weights.
                if ["optim", "sched"].iter().any(|word| key.to_lowercase().contains(word)) {
                    self.tree.left_out.push(under(&key));
                } else {
                    self.visit(value, &under(&key), depth + 1)?;
                }
            }
        } else if let Value::Made {
            by: Known::Reconstruct | Known::JoblibArray | Known::RebuildTensor | Known::RebuildParameter,
            ..
        } = pickle.get(id)
        {
            self.tree.arrays.push((name.to_owned(), id));
        }
        Ok(())
    }
}

/// The objects of a NumPy array of objects.
fn objects<'a>(pickle: &'a Pickle<'_>, id: Id) -> Option<&'a [Id]> {
    let Value::Made { by: Known::Reconstruct, state: Some(state), .. } = *pickle.get(id) else { return None };
    match pickle.get(*pickle.tuple(state)?.last()?) {
        Value::List(items) => Some(items),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pickle: &[u8]) -> Result<(Vec<String>, Vec<String>), String> {
        let tree = Tree::of(&Pickle::parse(pickle)?.0)?;
        Ok((tree.arrays.into_iter().map(|(name, _)| name).collect(), tree.left_out))
    }

    /// An empty array, remembered as 9.
    const ARRAY: &[u8] = b"cnumpy.core.multiarray\n_reconstruct\n)Rq\x09";

    #[test]
    fn arrays_are_named_by_the_way_to_them() {
        // {"a": [array, array], 7: {"b": (array,)}, "n": 0.5, "optimizer": {"b": array}}
        let text = |text: &str| [&[b'U', text.len() as u8], text.as_bytes()].concat();
        let pickle = [
            b"}(",
            &text("a")[..],
            b"](",
            ARRAY,
            b"h\x09e",
            b"K\x07}",
            &text("b"),
            b"h\x09\x85s",
            &text("n"),
            b"G\0\0\0\0\0\0\0\0",
            &text("optimizer"),
            b"}",
            &text("b"),
            b"h\x09su.",
        ]
        .concat();
        let expected = (["a.1", "a.2", "7.b"].map(String::from).into(), vec!["optimizer".into()]);
        assert_eq!(names(&pickle), Ok(expected));
    }

    #[test]
    fn cycles_depth_and_long_names_are_refused() {
        let reason = |pickle: &[u8]| names(pickle).unwrap_err();
        assert!(reason(b"]q\0h\0a.").contains("in each other"));
        // Each is three times the one before.
        let wide = [&b")"[..], &b"q\0h\0h\0\x87".repeat(6), b"\x85\x85."].concat();
        assert_eq!(names(&wide), Ok(Default::default()));
        let wider = [&b"N"[..], &b"q\0(h\0h\0h\0h\0h\0h\0t".repeat(7), b"."].concat();
        assert_eq!(reason(&wider), "more than 20000 values are in it");
        let long = [&b"}X\xC9\0\0\0"[..], &[b'a'; 201], b"Ns."].concat();
        assert!(reason(&long).starts_with("a name of 201 bytes: aaa"));
        assert!(reason(b"}]Ns.").contains("no text"));
    }
}
