//! Arguments that say what long work may take.

/// What the work may take.
#[derive(Debug, clap::Args)]
pub(crate) struct Work {
    /// How many threads to use; 0 for all that the machine has.
    #[arg(short, long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024), help_heading = "Work")]
    pub(crate) threads: u16,

    /// About how much memory images and samples may take at a time, such as 512M or 2G; at least 64M.
    ///
    /// An image that takes more by itself is processed alone. The program and its nets take another 30 MB.
    #[arg(long, value_name = "SIZE", default_value = "512M", value_parser = ram, help_heading = "Work")]
    pub(crate) ram: usize,
}

fn ram(text: &str) -> Result<usize, String> {
    const LEAST: usize = 64 << 20;
    let (number, shift) = match text.char_indices().last() {
        Some((at, 'K' | 'k')) => (&text[..at], 10),
        Some((at, 'M' | 'm')) => (&text[..at], 20),
        Some((at, 'G' | 'g')) => (&text[..at], 30),
        _ => (text, 0),
    };
    match number.parse::<usize>().ok().and_then(|number| number.checked_mul(1 << shift)) {
        Some(bytes) if bytes >= LEAST => Ok(bytes),
        Some(_) => Err("at least 64M are needed".into()),
        None => Err("a size is needed, such as 512M or 2G".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(ram("64M"), Ok(64 << 20));
        assert_eq!(ram("2g"), Ok(2 << 30));
        assert_eq!(ram("65536K"), Ok(64 << 20));
        assert_eq!(ram("100000000"), Ok(100_000_000));
        for wrong in ["", "M", "63M", "1.5G", "-1G", "99999999999999999G", "1T", "0"] {
            assert!(ram(wrong).is_err(), "{wrong}");
        }
    }
}
