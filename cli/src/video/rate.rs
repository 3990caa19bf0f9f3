//! How many frames a second has.

use std::str::FromStr;

/// Frames a second, as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) frames: u64,
    pub(crate) seconds: u64,
}

impl Default for Rate {
    /// As ffmpeg has it for images.
    fn default() -> Self {
        Self { frames: 25, seconds: 1 }
    }
}

impl Rate {
    /// The time of a frame in seconds.
    pub(crate) fn time(self, frame: usize) -> f64 {
        frame as f64 * self.seconds as f64 / self.frames as f64
    }

    pub(crate) fn a_second(self) -> f64 {
        self.frames as f64 / self.seconds as f64
    }
}

impl FromStr for Rate {
    type Err = String;

    /// `30`, `29.97`, `30000/1001` or `30000:1001`.
    fn from_str(text: &str) -> Result<Self, String> {
        let fraction = text.split_once(['/', ':']).map(|(frames, seconds)| (frames.parse(), seconds.parse()));
        let rate = match fraction {
            Some((Ok(frames), Ok(seconds))) => Some(Self { frames, seconds }),
            Some(_) => None,
            None => {
                let thousandths = text.parse::<f64>().ok().map(|rate| (rate * 1000.0).round());
                thousandths.map(|it| Self { frames: it as u64, seconds: 1000 })
            }
        };
        let allowed = |rate: &Rate| rate.seconds > 0 && (0.001..=1e6).contains(&rate.a_second());
        rate.filter(allowed).ok_or_else(|| format!("{text} is no rate, such as 25, 29.97 or 30000/1001"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_numbers_or_fractions() {
        let rate = |text: &str| text.parse::<Rate>().map(Rate::a_second);
        assert_eq!((rate("25"), rate("12.5"), rate("30000/1001")), (Ok(25.0), Ok(12.5), Ok(30000.0 / 1001.0)));
        assert_eq!("50:2".parse::<Rate>().unwrap().time(50), 2.0);
        for wrong in ["", "0", "-1", "x", "1/0", "0/1", "1/2/3", "nan", "inf", "1e9", "99999999999999999999"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
