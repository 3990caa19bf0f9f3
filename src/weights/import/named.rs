//! Layers from arrays that are known by their names only: state dicts, `.npz`, safetensors, MXNet.

use super::layers::{Array, Layer};

/// In which order a file has its arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As the nets were built.
    Built,
    /// In none: by their names, in which layers are counted.
    Names,
}

/// Puts a bias to its weights, by their names or, where no name says bias, behind them; all else is a layer by itself.
pub(super) fn layers(mut arrays: Vec<(String, Array)>, order: Order) -> Vec<Layer> {
    if order == Order::Names {
        arrays.sort_by(|(a, _), (b, _)| counted(a).cmp(&counted(b)));
    }
    let (biases, arrays): (Vec<_>, Vec<_>) = arrays.into_iter().partition(|(name, _)| is_bias(name));
    let said = !biases.is_empty();
    let mut layers = Vec::<Layer>::new();
    for (name, array) in arrays {
        let weights = |layer: &&mut Layer| layer.arrays.len() == 1 && layer.arrays[0].squeezed().len() > 1;
        match layers.last_mut().filter(weights) {
            Some(layer) if !said && array.squeezed().len() == 1 => layer.arrays.push(array),
            _ => layers.push(Layer { name, arrays: vec![array] }),
        }
    }
    let mut alone = Vec::new();
    for (name, bias) in biases {
        let weights = |layer: &&mut Layer| {
            stem(&layer.name) == stem(&name) && layer.arrays.len() == 1 && layer.arrays[0].squeezed().len() > 1
        };
        match layers.iter_mut().find(weights) {
            Some(layer) => layer.arrays.push(bias),
            None => alone.push(Layer { name, arrays: vec![bias] }),
        }
    }
    for layer in &mut layers {
        if layer.arrays.len() > 1 && said {
            layer.name = stem(&layer.name).into();
        }
    }
    layers.extend(alone);
    layers
}

fn is_bias(name: &str) -> bool {
    let last = name.rsplit(SEPARATORS).next().unwrap_or_default();
    matches!(last.trim_end_matches(":0"), "bias" | "biases" | "b")
}

/// What stands between the parts of a name.
pub(super) const SEPARATORS: [char; 4] = ['.', '/', '_', ' '];

/// A name without its last part.
fn stem(name: &str) -> &str {
    name.rsplit_once(SEPARATORS).map_or("", |(stem, _)| stem)
}

/// A name as text and the numbers in it, so that layer 9 comes before layer 10.
fn counted(name: &str) -> Vec<(u64, &str)> {
    let parts = name.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    let mut from = 0;
    let part = |bytes: &[u8]| {
        let part = &name[from..from + bytes.len()];
        from += bytes.len();
        part.parse().map_or((0, part), |number| (number, ""))
    };
    parts.map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrays(names: &[(&str, &[usize])]) -> Vec<(String, Array)> {
        let array = |shape: &[usize]| Array { shape: shape.into(), values: vec![0.5; shape.iter().product()] };
        names.iter().map(|&(name, shape)| (name.into(), array(shape))).collect()
    }

    /// The names of the layers, and how many arrays each has.
    fn found(names: &[(&str, &[usize])], order: Order) -> Vec<(String, usize)> {
        layers(arrays(names), order).into_iter().map(|layer| (layer.name, layer.arrays.len())).collect()
    }

    #[test]
    fn a_bias_comes_to_its_weights_whatever_the_names_are() {
        let (weights, bias): (&[usize], &[usize]) = (&[4, 2], &[4]);
        for (names, expected) in [
            ([("a.weight", weights), ("a.bias", bias), ("b.weight", bias)], [("a", 2), ("b.weight", 1)]),
            ([("a.biases", bias), ("b.alpha", bias), ("a.weights", weights)], [("b.alpha", 1), ("a", 2)]),
            (
                [("arg:a_bias", bias), ("arg:a_weight", weights), ("arg:b_gamma", bias)],
                [("arg:a", 2), ("arg:b_gamma", 1)],
            ),
            ([("a/kernel:0", weights), ("p/alpha:0", bias), ("a/bias:0", bias)], [("a", 2), ("p/alpha:0", 1)]),
            ([("1", weights), ("2", bias), ("3", bias)], [("1", 2), ("3", 1)]),
        ] {
            let expected = expected.map(|(name, arrays)| (name.to_owned(), arrays));
            assert_eq!(found(&names, Order::Built), expected);
        }
    }

    #[test]
    fn layers_are_counted() {
        let names: [(&str, &[usize]); 2] = [("prelu10.weight", &[3]), ("prelu9.weight", &[3])];
        for (order, first) in [(Order::Names, "prelu9.weight"), (Order::Built, "prelu10.weight")] {
            assert_eq!(found(&names, order)[0].0, first);
        }
    }

    #[test]
    fn a_bias_alone_stays_alone() {
        assert_eq!(
            found(&[("a.bias", &[3]), ("b.weight", &[3, 3])], Order::Built),
            [("b.weight".into(), 1), ("a.bias".into(), 1)]
        );
    }
}
