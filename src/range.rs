//! What a number may be: from the least to the most.

use std::fmt;

/// From the least to the most, both allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
    /// What follows the number in a message: ` pixels`, or nothing.
    pub unit: &'static str,
}

impl Range {
    pub(crate) const fn new(least: f64, most: f64) -> Self {
        Self { least, most, unit: "" }
    }

    pub(crate) const fn pixels(least: f64, most: f64) -> Self {
        Self { least, most, unit: " pixels" }
    }

    /// Whether a value is in it; NaN is not.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (self.least..=self.most).contains(&value)
    }

    /// # Errors
    /// `the factor is 5: it must be from 0.1 to 0.99`.
    pub fn check(&self, name: &str, value: f64) -> Result<(), String> {
        match self.contains(value) {
            true => Ok(()),
            false => Err(format!("{name} is {}{}: it must be {self}", Short(value), self.unit)),
        }
    }
}

/// `from 0.1 to 0.99`.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {} to {}", Short(self.least), Short(self.most))
    }
}

/// A number of hundreds of digits helps nobody.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plain, power) = (self.0.to_string(), format!("{:e}", self.0));
        f.write_str(if self.0.abs() < 1e9 || plain.len() <= power.len() { &plain } else { &power })
    }
}
