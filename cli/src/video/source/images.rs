//! Whole images one after the other, as MJPEG and ffmpeg's `-f image2pipe` are: where one ends, by its own structure.

use std::io::{BufRead, Read};

use anyhow::{bail, ensure};

/// The bytes of the next image; None at the end. One that has more bytes than `most` is an error.
pub(super) fn next(reader: &mut impl BufRead, most: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let mut image = Image { reader, bytes: Vec::new(), most };
    if image.reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    image.take(2)?;
    match &image.bytes[..] {
        [0xff, 0xd8] => image.jpeg()?,
        [0x89, b'P'] => image.png()?,
        b"BM" => image.bmp()?,
        b"RI" => image.webp()?,
        b"P5" => image.pnm(1)?,
        b"P6" => image.pnm(3)?,
        b"P7" => image.pam()?,
        _ => bail!("it is none of JPEG, PNG, BMP, WebP, PAM and binary PGM and PPM"),
    }
    Ok(Some(image.bytes))
}

struct Image<'a, R> {
    reader: &'a mut R,
    bytes: Vec<u8>,
    most: u64,
}

impl<R: BufRead> Image<'_, R> {
    /// Reads so many bytes more; memory is asked for as they come.
    fn take(&mut self, count: u64) -> anyhow::Result<&[u8]> {
        let before = self.bytes.len();
        ensure!(count <= self.most.saturating_sub(before as u64), "it is larger than {} bytes", self.most);
        self.reader.by_ref().take(count).read_to_end(&mut self.bytes)?;
        ensure!((self.bytes.len() - before) as u64 == count, "it is cut off");
        Ok(&self.bytes[before..])
    }

    fn byte(&mut self) -> anyhow::Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn jpeg(&mut self) -> anyhow::Result<()> {
        ensure!(self.byte()? == 0xff, "it is no JPEG");
        let mut code = self.byte()?;
        loop {
            match code {
                // Bytes that fill, and markers without a segment.
                0xff => code = self.byte()?,
                0xd9 => return Ok(()),
                0x01 | 0xd0..=0xd7 => code = self.marker()?,
                _ => {
                    let [high, low] = *self.take(2)? else { bail!("it is cut off") };
                    let length = u16::from_be_bytes([high, low]);
                    // A damaged length must not reach into the next image.
                    let most = match code {
                        0xc4 => 2 + 8 * (17 + 256),
                        0xdb => 2 + 4 * 129,
                        0xdc | 0xdd => 4,
                        0xda => 6 + 2 * 4,
                        0xc0..=0xcf => 8 + 3 * 255,
                        0xe0..=0xef | 0xfe => u16::MAX,
                        _ => bail!("it is a damaged JPEG"),
                    };
                    ensure!((2..=most).contains(&length), "it is a damaged JPEG");
                    self.take(u64::from(length) - 2)?;
                    code = if code == 0xda { self.after_scan()? } else { self.marker()? };
                }
            }
        }
    }

    fn marker(&mut self) -> anyhow::Result<u8> {
        ensure!(self.byte()? == 0xff, "it is a damaged JPEG");
        self.byte()
    }

    /// The marker after a scan, in whose data 0xff is followed by 0 or begins a restart.
    fn after_scan(&mut self) -> anyhow::Result<u8> {
        loop {
            let left = self.most.saturating_sub(self.bytes.len() as u64);
            self.reader.by_ref().take(left).read_until(0xff, &mut self.bytes)?;
            match self.byte()? {
                0 | 0xd0..=0xd7 => {}
                code => return Ok(code),
            }
        }
    }

    fn png(&mut self) -> anyhow::Result<()> {
        self.take(6)?;
        loop {
            let [a, b, c, d, ref kind @ ..] = *self.take(8)? else { bail!("it is cut off") };
            let is_end = kind == b"IEND";
            self.take(u64::from(u32::from_be_bytes([a, b, c, d])) + 4)?;
            if is_end {
                return Ok(());
            }
        }
    }

    fn bmp(&mut self) -> anyhow::Result<()> {
        let [a, b, c, d] = *self.take(4)? else { bail!("it is cut off") };
        let size = u32::from_le_bytes([a, b, c, d]);
        ensure!(size > 6, "it is a BMP that does not say where it ends");
        self.take(u64::from(size) - 6).map(drop)
    }

    fn webp(&mut self) -> anyhow::Result<()> {
        let [b'F', b'F', a, b, c, d] = *self.take(6)? else { bail!("it is no WebP") };
        let size = u32::from_le_bytes([a, b, c, d]);
        self.take(u64::from(size).next_multiple_of(2)).map(drop)
    }

    /// Three numbers, one blank, and the values of `channels` colours.
    fn pnm(&mut self, channels: u64) -> anyhow::Result<()> {
        let mut numbers = [0_u64; 3];
        for number in &mut numbers {
            let mut digits = 0;
            loop {
                match self.byte()? {
                    digit @ b'0'..=b'9' => {
                        digits += 1;
                        ensure!(digits <= 9, "it is a damaged PNM");
                        *number = *number * 10 + u64::from(digit - b'0');
                    }
                    b'#' if digits == 0 => while self.byte()? != b'\n' {},
                    blank if blank.is_ascii_whitespace() && digits > 0 => break,
                    blank if blank.is_ascii_whitespace() => {}
                    _ => bail!("it is a damaged PNM"),
                }
            }
        }
        let [width, height, largest] = numbers;
        self.values(width, height, channels, largest)
    }

    /// Lines of a name and a number, to one that says that they end.
    fn pam(&mut self) -> anyhow::Result<()> {
        let mut numbers = [0_u64; 4];
        loop {
            let start = self.bytes.len();
            while self.byte()? != b'\n' {
                ensure!(self.bytes.len() - start < 1000, "it is a damaged PAM");
            }
            let line = str::from_utf8(&self.bytes[start..]).unwrap_or_default();
            let (name, value) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            if name == "ENDHDR" {
                break;
            }
            if let Some(at) = ["WIDTH", "HEIGHT", "DEPTH", "MAXVAL"].iter().position(|&it| it == name) {
                let Ok(number) = value.trim().parse::<u32>() else { bail!("it is a damaged PAM") };
                numbers[at] = number.into();
            }
        }
        let [width, height, channels, largest] = numbers;
        self.values(width, height, channels, largest)
    }

    fn values(&mut self, width: u64, height: u64, channels: u64, largest: u64) -> anyhow::Result<()> {
        let pixels = width.saturating_mul(height);
        self.take(pixels.saturating_mul(channels * if largest > 255 { 2 } else { 1 })).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use ::image::{ImageFormat, RgbImage};

    use super::*;

    fn files() -> Vec<Vec<u8>> {
        let image = RgbImage::from_fn(37, 23, |x, y| ::image::Rgb([(x * 7) as u8, (y * 11) as u8, (x * y) as u8]));
        // `Pnm` is PAM.
        let formats = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP, ImageFormat::Pnm];
        let encode = |format| {
            let mut bytes = Cursor::new(Vec::new());
            image.write_to(&mut bytes, format).unwrap();
            bytes.into_inner()
        };
        let gray = [&b"P5 # of this size\n37\n23\t255\n"[..], &[7; 37 * 23]].concat();
        let colours = [&b"P6\n37 23\n65535\n"[..], &[7; 37 * 23 * 6]].concat();
        formats.into_iter().map(encode).chain([gray, colours]).collect()
    }

    #[test]
    fn images_of_all_kinds_are_told_apart_whatever_the_pieces_in_which_they_come() {
        let files = files();
        let stream: Vec<u8> = files.iter().chain(&files).flatten().copied().collect();
        for capacity in [1, 7, 64, 1 << 16] {
            let mut reader = BufReader::with_capacity(capacity, &stream[..]);
            let read: Vec<_> = std::iter::from_fn(|| next(&mut reader, 1 << 20).unwrap()).collect();
            assert_eq!(read, [&files[..], &files].concat(), "{capacity}");
        }
    }

    /// Bytes that are changed must not make one image of two without a word.
    #[test]
    fn a_damaged_jpeg_does_not_reach_into_the_next() {
        let image = RgbImage::from_fn(200, 160, |x, y| ::image::Rgb([(x * 7) as u8, (y * 11) as u8, (x * y) as u8]));
        let mut jpeg = Cursor::new(Vec::new());
        image.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        let jpeg = jpeg.into_inner();
        let scan = jpeg.windows(2).position(|it| it == [0xff, 0xda]).unwrap() + 14;
        for code in 1..=0xff {
            let mut damaged = jpeg.clone();
            damaged[scan + 20..scan + 24].copy_from_slice(&[0xff, code, 0x20, 0x20]);
            let stream = [damaged.clone(), jpeg.clone(), jpeg.clone()].concat();
            let first = next(&mut &stream[..], 1 << 20);
            // It is whole, ends early or is an error; comments and the like may have any length.
            let harmless = first.is_err() || first.unwrap().unwrap().len() <= damaged.len();
            assert!(harmless || matches!(code, 0xe0..=0xef | 0xfe | 0xff), "{code:x}");
        }
    }

    #[test]
    fn what_is_cut_off_too_large_or_none_is_said() {
        for file in files() {
            for end in [1, 2, 3, file.len() / 2, file.len() - 1] {
                assert_eq!(next(&mut &file[..end], 1 << 20).unwrap_err().to_string(), "it is cut off");
            }
            assert_eq!(next(&mut &file[..], 50).unwrap_err().to_string(), "it is larger than 50 bytes");
        }
        assert!(next(&mut &b"no image"[..], 100).unwrap_err().to_string().starts_with("it is none of"));
        assert!(next(&mut &b"P6 999999999 999999999 255\n"[..], 1 << 30).unwrap_err().to_string().contains("larger"));
        assert!(next(&mut &b""[..], 100).unwrap().is_none());
    }
}
