//! A part of many images, for one of several jobs.

use std::str::FromStr;

use crate::common::input::Input;

/// Part `index` of `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    index: u32,
    count: u32,
}

impl Shard {
    /// By a hash of its path alone: where an image is done does not change when others come and go.
    pub(crate) fn has(self, input: &Input) -> bool {
        crc32fast::hash(input.slashed().as_bytes()) % self.count == self.index
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if index < count => Ok(Self { index, count }),
            Some((index, count)) => Err(format!("parts are counted from 0: there is no part {index} of {count}")),
            None => Err("a part and a count are needed, such as 0/8".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_part_is_one_of_the_count() {
        assert_eq!("7/8".parse(), Ok(Shard { index: 7, count: 8 }));
        for wrong in ["8/8", "0/0", "1", "-1/2", "a/b", "1/2/3", "", "/", "0/99999999999"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_image_is_in_one_part_and_parts_are_about_as_large() {
        let input = |index| Input::one(Path::new(&format!("a{index}.jpg")));
        let size = |shard| (0..1000).map(input).filter(|input| Shard { index: shard, count: 4 }.has(input)).count();
        let sizes: Vec<_> = (0..4).map(size).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 1000);
        assert!(sizes.iter().all(|size| (200..300).contains(size)), "{sizes:?}");
    }
}
