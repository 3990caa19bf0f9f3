//! Numbers as they are typed.

pub(crate) fn pixels(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(pixels) if (0.0..=1e9).contains(&pixels) => Ok(pixels),
        _ => Err("a number of pixels is needed, from 0 to 1e9".into()),
    }
}
