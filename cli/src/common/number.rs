//! Numbers as they are typed, each in the range that the library's table has for it.

use std::fmt::Display;
use std::str::FromStr;

use mtcnn_cpu::data::ranges::range;

/// A parser of a number that a recipe has at `key`.
pub(crate) fn number<T>(key: &'static str) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr<Err: Display>,
{
    move |text| {
        let range = range(key);
        // The same digits as a number that no range is too large for.
        let is_in_range = text.parse().is_ok_and(|value| range.contains(value));
        match text.parse() {
            Ok(value) if is_in_range => Ok(value),
            Err(reason) if is_in_range => Err(reason.to_string()),
            _ => Err(format!("it must be {range}{}", range.unit)),
        }
    }
}

/// A parser of `N` such numbers, with commas between them; `needed` says so.
pub(crate) fn numbers<T, const N: usize>(
    key: &'static str,
    needed: &'static str,
) -> impl Fn(&str) -> Result<[T; N], String> + Clone + Send + Sync + 'static
where
    T: FromStr<Err: Display>,
{
    move |text| {
        let numbers: Vec<T> = text.split(',').map(|text| number(key)(text.trim())).collect::<Result<_, _>>()?;
        numbers.try_into().map_err(|_| needed.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_their_ranges() {
        let tries = number::<u32>("samples.random.tries");
        assert_eq!((tries("0"), tries("1000")), (Ok(0), Ok(1000)));
        assert_eq!(tries("1001"), Err("it must be from 0 to 1000".into()));
        assert_eq!(tries("1.5"), Err("invalid digit found in string".into()));
        let degrees = number::<f64>("samples.landmarks.degrees");
        assert_eq!(degrees("2.5"), Ok(2.5));
        for wrong in ["", "-1", "1001", "NaN", "inf", "1e308", "x"] {
            assert!(tries(wrong).is_err() && degrees(wrong).is_err(), "{wrong}");
        }
        let thresholds = numbers::<f32, 2>("mining.thresholds", "two numbers are needed");
        assert_eq!(thresholds("0.5, 0.6"), Ok([0.5, 0.6]));
        for wrong in ["", "0.5", "0.5,0.6,0.7", "a,b", "0.5,2"] {
            assert!(thresholds(wrong).is_err(), "{wrong}");
        }
    }
}
