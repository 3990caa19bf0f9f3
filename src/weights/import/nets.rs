//! Which layers of a file are of one net: a file may have all three, told apart by the first parts of their names.

use super::assign::first_layer_of;
use super::layers::Layer;
use super::named::SEPARATORS;

/// Parts of a name that are looked at.
const MOST_PARTS: usize = 8;

/// The layers of each net, in their order.
pub(super) fn split(layers: Vec<Layer>) -> Result<Vec<Vec<Layer>>, String> {
    let firsts: Vec<_> = layers.iter().filter(|layer| first_layer_of(layer).is_some()).collect();
    let tells_apart = |parts: usize| {
        let mut names: Vec<_> = firsts.iter().map(|layer| beginning(&layer.name, parts)).collect();
        names.sort_unstable();
        names.windows(2).all(|pair| pair[0] != pair[1])
    };
    if firsts.len() < 2 {
        return Ok(vec![layers]);
    }
    let parts = (1..=MOST_PARTS).find(|&parts| tells_apart(parts));
    let parts = parts.ok_or("several nets are in it, and their names do not tell them apart")?;
    let mut nets = Vec::<(String, Vec<Layer>)>::new();
    for layer in layers {
        let name = beginning(&layer.name, parts);
        match nets.iter_mut().find(|(net, _)| net == name) {
            Some((_, layers)) => layers.push(layer),
            None => nets.push((name.to_owned(), vec![layer])),
        }
    }
    Ok(nets.into_iter().map(|(_, layers)| layers).collect())
}

/// The first parts of a name.
fn beginning(name: &str, parts: usize) -> &str {
    name.match_indices(SEPARATORS).nth(parts - 1).map_or(name, |(end, _)| &name[..end])
}

#[cfg(test)]
mod tests {
    use super::super::layers::Array;
    use super::*;

    fn layer(name: &str, shapes: &[&[usize]]) -> Layer {
        let array = |shape: &&[usize]| Array { shape: shape.to_vec(), values: vec![0.5; shape.iter().product()] };
        Layer { name: name.into(), arrays: shapes.iter().map(array).collect() }
    }

    #[test]
    fn nets_are_told_apart_by_their_names() {
        let names = |layers| -> Result<Vec<Vec<String>>, String> {
            let nets = split(layers)?;
            Ok(nets.into_iter().map(|net| net.into_iter().map(|layer| layer.name).collect()).collect())
        };
        let pnet = |name| layer(name, &[&[10, 3, 3, 3], &[10]]);
        let onet = |name| layer(name, &[&[3, 3, 3, 32], &[32]]);
        let one = vec![pnet("features.conv1"), layer("conv6_1", &[&[2, 32], &[2]])];
        assert_eq!(names(one), Ok(vec![vec!["features.conv1".into(), "conv6_1".into()]]));
        let two = vec![pnet("state.p.conv1"), onet("state.o.conv1"), layer("state.p.prelu1", &[&[10]])];
        let expected = vec![vec!["state.p.conv1".into(), "state.p.prelu1".into()], vec!["state.o.conv1".into()]];
        assert_eq!(names(two), Ok(expected));
        assert!(names(vec![pnet("a"), onet("a")]).unwrap_err().contains("do not tell"));
    }
}
