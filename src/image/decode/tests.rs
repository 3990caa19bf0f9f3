//! Files of each format, whole, damaged and lying, against the pixels that they must give.

use super::*;
use crate::error::ErrorKind;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("testdata/decode/{name}")).unwrap()
}

/// The mean difference of two images of one size, in levels.
fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.iter().zip(b.iter()).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum();
    sum as f64 / a.len() as f64
}

/// Each fixture holds one of two images, colour and gray; the one it is compared with comes from
/// another format, and Pillow made both.
fn check(names: &[&str], original: &str, tolerance: f64) {
    let original = decode(&fixture(original)).unwrap();
    assert_eq!(original.dimensions(), (48, 36));
    for name in names {
        let image = decode(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let difference = difference(&image, &original);
        assert!(difference <= tolerance, "{name} is off by {difference}");
    }
}

#[test]
fn lossless_formats_are_exact() {
    let colour = ["rgb.png", "rgba.png", "rgb.bmp", "rgb.tif", "lossless.webp", "exif-6.png", "exif-6.webp"];
    check(&colour, "rgb.ppm", 0.0);
    check(&["exif-6.tif"], "rgb.ppm", 0.0);
    check(&["gray.png", "gray-alpha.png", "gray16.png"], "gray.pgm", 0.0);
}

#[test]
fn palettes_and_lossy_formats_are_close() {
    check(&["palette.png", "two-frames.gif"], "rgb.ppm", 4.0);
    check(&["rgb.jpg", "progressive.jpg", "lossy.webp"], "rgb.ppm", 4.0);
    check(&["gray.jpg"], "gray.pgm", 2.0);
}

#[test]
fn cmyk_has_the_right_colours() {
    check(&["cmyk.jpg", "cmyk-not-adobe.jpg", "ycck.jpg"], "rgb.ppm", 4.0);
}

#[test]
fn every_exif_orientation_is_turned_upright() {
    for orientation in 1..=8 {
        check(&[&format!("exif-{orientation}.jpg")], "rgb.ppm", 4.0);
    }
}

#[test]
fn exif_orientation_can_be_left_alone() {
    let stored = decode_with(&fixture("exif-6.png"), &DecodeOptions::new().orientation(Orientation::AsStored)).unwrap();
    assert_eq!(stored.dimensions(), (36, 48));
    let upright = ::image::imageops::rotate90(&stored);
    assert_eq!(difference(&upright, &decode(&fixture("rgb.png")).unwrap()), 0.0);
}

#[test]
fn the_name_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("photo.txt");
    std::fs::write(&file, fixture("rgb.jpg")).unwrap();
    assert_eq!(open(file).unwrap().dimensions(), (48, 36));
}

/// Half of a file is an error in every format: a decoder that fills the rest with gray hides faces.
#[test]
fn a_file_cut_short_is_refused() {
    for entry in std::fs::read_dir("testdata/decode").unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        // Of a GIF only the first frame is needed, which here is nearly the first half.
        let needed = if path.extension().is_some_and(|it| it == "gif") { bytes.len() * 2 / 5 } else { bytes.len() };
        for length in [1, 12, needed / 3, needed * 2 / 3, needed * 9 / 10] {
            assert!(decode(&bytes[..length]).is_err(), "{path:?}: {length} of {} bytes", bytes.len());
        }
    }
}

/// Flipped bytes give an image or an error, whatever the decoder does.
#[test]
fn damage_never_panics() {
    for name in ["rgb.jpg", "progressive.jpg", "rgb.png", "lossy.webp", "lossless.webp", "two-frames.gif", "rgb.tif"] {
        let bytes = fixture(name);
        for at in (0..bytes.len()).step_by(bytes.len() / 97) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x5A;
            let _ = decode(&bytes);
        }
    }
}

/// Files that other decoders read wrong or refused, each beside what libjpeg-turbo, libtiff, libwebp and libpng make
/// of it, turned upright.
#[test]
fn hard_cases_have_the_right_pixels() {
    let mut count = 0;
    for entry in std::fs::read_dir("testdata/decode/cases").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with(".expected.png") {
            continue;
        }
        count += 1;
        let image = open(&path).unwrap();
        if name == "rle8.bmp" {
            // Black where a run says so; the rest is skipped, and so white, the palette's first colour.
            let black: Vec<_> = image.enumerate_pixels().filter(|it| it.2.0 == [0; 3]).map(|it| (it.0, it.1)).collect();
            assert_eq!(black, [(4, 1), (5, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]);
            assert_eq!(image.iter().filter(|&&sample| sample == 255).count(), (8 * 4 - black.len()) * 3);
        }
        let expected = path.with_file_name(format!("{name}.expected.png"));
        if let Ok(expected) = open(expected) {
            assert_eq!(image.dimensions(), expected.dimensions(), "{name}");
            let most = if name.ends_with("jpg") || name.ends_with("webp") { 3 } else { 0 };
            let off = image.iter().zip(expected.iter()).map(|(&a, &b)| a.abs_diff(b)).max().unwrap();
            assert!(off <= most, "{name} is off by {off}");
        }
    }
    assert!(count >= 19, "{count}");
}

/// Where the first segment with this marker begins.
fn marker(jpeg: &[u8], code: u8) -> usize {
    jpeg.windows(2).position(|pair| pair == [0xFF, code]).unwrap()
}

#[test]
fn missing_blocks_of_a_jpeg_decide_and_not_its_end_marker() {
    for name in ["rgb.jpg", "progressive.jpg", "cases/scans_420.jpg", "cases/scans_cr_first.jpg"] {
        let whole = fixture(name);
        let right = decode(&whole).unwrap();
        let open_end = &whole[..whole.len() - 2];
        for end in [&[][..], &[0; 64], &[0xFF], &[0xFF, 0xD9, 1, 2, 3]] {
            assert_eq!(decode(&[open_end, end].concat()).unwrap(), right, "{name} and {end:?}");
        }
        let start = marker(&whole, 0xDA);
        for part in 1..8 {
            let cut = start + (open_end.len() - start) * part / 8;
            let error = decode(&[&whole[..cut], &[0xFF, 0xD9]].concat()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Damaged, "{name} cut at {part}/8");
        }
    }
}

#[test]
fn jpegs_that_are_not_read_are_unsupported_and_not_damaged() {
    let kind = |change: &dyn Fn(&mut Vec<u8>, usize)| {
        let mut jpeg = fixture("rgb.jpg");
        let frame = marker(&jpeg, 0xC0);
        change(&mut jpeg, frame);
        let error = decode(&jpeg).unwrap_err();
        assert!(error.to_string().starts_with("a JPEG of an unsupported kind: "), "{error}");
        error.kind()
    };
    for code in [0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xF7] {
        assert_eq!(kind(&|jpeg, frame| jpeg[frame + 1] = code), ErrorKind::UnsupportedFormat);
    }
    assert_eq!(kind(&|jpeg, frame| jpeg[frame + 4] = 12), ErrorKind::UnsupportedFormat);
}

/// A TIFF of one strip with these fields beside its size and its strip: tag, kind (7 is of bytes, 3 of 16 bits, 4 of
/// 32) and numbers.
fn tiff(size: [u32; 2], strip: &[u8], fields: &[(u16, u16, Vec<u32>)]) -> Vec<u8> {
    let mut fields = fields.to_vec();
    fields.extend([(256, 4, vec![size[0]]), (257, 4, vec![size[1]])]);
    fields.extend([(273, 4, vec![8]), (279, 4, vec![strip.len() as u32])]);
    fields.sort();
    let mut file = [b"II*\0\0\0\0\0", strip, &vec![0; strip.len() % 2]].concat();
    let mut directory = (fields.len() as u16).to_le_bytes().to_vec();
    for (tag, kind, numbers) in &fields {
        let size = match kind {
            7 => 1,
            3 => 2,
            _ => 4,
        };
        let bytes = numbers.iter().flat_map(|it| it.to_le_bytes()[..size].to_vec());
        let mut bytes: Vec<u8> = bytes.collect();
        directory.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        directory.extend((numbers.len() as u32).to_le_bytes());
        if bytes.len() > 4 {
            directory.extend((file.len() as u32).to_le_bytes());
            file.append(&mut bytes);
        } else {
            bytes.resize(4, 0);
            directory.append(&mut bytes);
        }
    }
    let start = file.len() as u32;
    file[4..8].copy_from_slice(&start.to_le_bytes());
    [file, directory, vec![0; 4]].concat()
}

/// Fields of a TIFF that is not compressed: bits a sample, what they mean, samples a pixel.
fn plain(bits: u32, photometric: u32, samples: u32) -> Vec<(u16, u16, Vec<u32>)> {
    let bits = vec![bits; samples as usize];
    vec![(258, 3, bits), (259, 3, vec![1]), (262, 3, vec![photometric]), (277, 3, vec![samples])]
}

#[test]
fn tiffs_of_few_grays_palettes_with_alpha_and_bits_backwards_have_their_colours() {
    let grays = |bytes: &[u8]| {
        let pixels = decode(bytes).unwrap_or_else(|error| panic!("{error}"));
        assert!(pixels.pixels().all(|it| it.0 == [it.0[0]; 3]));
        pixels.pixels().map(|it| it.0[0]).collect::<Vec<_>>()
    };
    let nibbles: &[u8] = &[0x0F, 0x50, 0xA1, 0x20];
    assert_eq!(grays(&tiff([3, 2], nibbles, &plain(4, 1, 1))), [0, 255, 85, 170, 17, 34]);
    assert_eq!(grays(&tiff([3, 2], nibbles, &plain(4, 0, 1))), [255, 0, 170, 85, 238, 221], "white is zero");
    assert_eq!(grays(&tiff([4, 1], &[0b00_01_10_11], &plain(2, 1, 1))), [0, 85, 170, 255]);

    let backwards = |bits, bytes: &[u8]| {
        let fields = [plain(bits, 1, 1), vec![(266, 3, vec![2])]].concat();
        grays(&tiff([2, 1], &bytes.iter().map(|byte| byte.reverse_bits()).collect::<Vec<_>>(), &fields))
    };
    assert_eq!(backwards(8, &[1, 200]), [1, 200]);
    assert_eq!(backwards(16, &[255, 1, 0, 200]), [2, 199]);
    assert_eq!(backwards(4, &[0x2E]), [34, 238]);

    let alpha = |photometric, planes| {
        let extra = [(338, 3, vec![2]), (284, 3, vec![planes])];
        [plain(8, photometric, 2), extra.to_vec()].concat()
    };
    let map = (0..3 * 256).map(|i| (i % 256 * 3 + i / 256) % 256 * 257).collect();
    let palette = [alpha(3, 1), vec![(320, 3, map)]].concat();
    let colours = decode(&tiff([2, 1], &[7, 99, 250, 98], &palette)).unwrap();
    assert_eq!(colours.as_raw()[..], [21, 22, 23, 238, 239, 240]);
    assert_eq!(grays(&tiff([2, 1], &[7, 99, 250, 98], &alpha(1, 1))), [7, 250]);

    let tiles = [plain(8, 2, 3), vec![(284, 3, vec![2]), (322, 3, vec![16]), (323, 3, vec![16])]].concat();
    let error = decode(&tiff([2, 1], &[0; 6], &tiles)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
    assert_eq!(error.to_string(), "a TIFF of an unsupported kind: tiles of separate planes");
    // The decoder prints where it stands in its source at such a text.
    let mut long = tiff([2, 1], &[7; 6], &[plain(8, 2, 3), vec![(266, 2, vec![0, 0])]].concat());
    let entry = long.windows(4).position(|it| it == [10, 1, 2, 0]).unwrap();
    long[entry + 4..entry + 8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(decode(&long).unwrap_err().to_string(), "a damaged TIFF: the file is cut short");
}

#[test]
fn jpegs_inside_a_tiff_have_the_pixels_of_a_jpeg() {
    let jpeg = fixture("rgb.jpg");
    let right = decode(&jpeg).unwrap();
    let read = |photometric, more: &[(u16, u16, Vec<u32>)], strip: &[u8], size| {
        let mut fields = plain(8, photometric, 3);
        fields[1].2 = vec![7];
        decode(&tiff(size, strip, &[&fields, more].concat()))
    };
    assert_eq!(read(6, &[], &jpeg, [48, 36]).unwrap(), right);
    // The numbers of its fields decide, whatever the JPEG says.
    let raw = read(2, &[], &jpeg, [48, 36]).unwrap();
    let converted = raw.pixels().flat_map(|it| mtcnn_kernels::naive::rgb_of_ycbcr(it.0));
    assert!(converted.eq(right.iter().copied()));

    // Tables of their own.
    let (mut tables, mut rest, mut at) = (vec![0xFF, 0xD8], vec![0xFF, 0xD8], 2);
    while jpeg[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let to = if matches!(jpeg[at + 1], 0xC4 | 0xDB) { &mut tables } else { &mut rest };
        to.extend(&jpeg[at..end]);
        at = end;
    }
    rest.extend(&jpeg[at..]);
    tables.extend([0xFF, 0xD9]);
    let tables = [(347, 7, tables.into_iter().map(u32::from).collect())];
    assert_eq!(read(6, &tables, &rest, [48, 36]).unwrap(), right);

    // Two tiles that are the same, the second partly outside.
    let length = jpeg.len() as u32;
    let tiles = [(322, 3, vec![48]), (323, 3, vec![36]), (324, 4, vec![8; 2]), (325, 4, vec![length; 2])];
    let wide = read(6, &tiles, &jpeg, [70, 36]).unwrap();
    assert!(wide.enumerate_pixels().all(|(x, y, pixel)| pixel == right.get_pixel(x % 48, y)));

    for (size, strip) in [([48, 36], &jpeg[..900]), ([49, 36], &jpeg), ([48, 37], &jpeg)] {
        assert_eq!(read(6, &[], strip, size).unwrap_err().kind(), ErrorKind::Damaged, "{size:?}");
    }
}

#[test]
fn a_bmp_may_forget_its_palette_and_the_end_of_its_last_row() {
    let header: [u32; 10] = [40, 3, 2, 8 << 16 | 1, 0, 0, 0, 0, 2, 0];
    let header = header.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<_>>();
    let pixels = [0, 1, 0, 0, 1, 1, 0];
    let file = [b"BM\0\0\0\0\0\0\0\0\x36\0\0\0", &header[..], &[9, 8, 7, 0, 6, 5, 4, 0], &pixels].concat();
    let (one, other) = ([7, 8, 9], [4, 5, 6]);
    assert_eq!(decode(&file).unwrap().as_raw()[..], [other, other, one, one, other, one].concat());
}

#[test]
fn formats_that_are_not_read_are_named() {
    let ftyp = |brands: &[u8]| [&[0, 0, 0, 24], &b"ftyp"[..], brands].concat();
    let cases = [
        (ftyp(b"heic\0\0\0\0mif1heic"), "HEIC"),
        (ftyp(b"mif1\0\0\0\0mif1avif"), "AVIF"),
        (ftyp(b"isom\0\0\0\0isommp42"), "MP4"),
        (b"\0\0\0\x0CJXL \r\n\x87\n".to_vec(), "JPEG XL"),
        (b"8BPS\0\x01".to_vec(), "Photoshop"),
    ];
    for (bytes, name) in cases {
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
        assert_eq!(error.to_string(), format!("{name} images are not supported"));
    }
}

/// Small files that say they are large cost neither memory nor time.
#[test]
fn files_that_lie_about_their_size_are_refused_at_once() {
    let mut webp = fixture("exif-6.webp");
    let chunk = webp.windows(4).position(|name| name == b"EXIF").unwrap();
    webp[chunk + 4..chunk + 8].copy_from_slice(&0xFFFF_FF00_u32.to_le_bytes());
    let claim = |name: &str, code| {
        let mut jpeg = fixture(name);
        let frame = marker(&jpeg, code);
        jpeg[frame + 5..frame + 9].copy_from_slice(&[0x20, 0, 0x20, 0]);
        jpeg
    };
    // Run-length coded, 16,000 by 16,000, and the coded data stop.
    let mut bmp = fixture("cases/rle8.bmp");
    bmp[18..26].copy_from_slice(&[0x80, 0x3E, 0, 0, 0x80, 0x3E, 0, 0]);
    bmp.truncate(bmp.len() - 2);
    let liars = [
        ("webp", webp),
        ("baseline", claim("rgb.jpg", 0xC0)),
        ("progressive", claim("progressive.jpg", 0xC2)),
        ("bmp", bmp),
    ];
    for (name, bytes) in liars {
        let start = std::time::Instant::now();
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{name}: {error}");
        assert!(start.elapsed().as_secs() < 5, "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn limits_are_of_pixels_and_of_bytes() {
    let image = fixture("rgb.png");
    let needs = info(&image).unwrap().decoding_bytes;
    assert_eq!(needs, 48 * 36 * 3);
    let kind = |options: DecodeOptions| decode_with(&image, &options).map_err(|error| error.kind());
    assert!(kind(DecodeOptions::new().max_pixels(48 * 36).max_bytes(needs)).is_ok());
    assert_eq!(kind(DecodeOptions::new().max_pixels(48 * 36 - 1)).unwrap_err(), ErrorKind::TooLarge);
    assert_eq!(kind(DecodeOptions::new().max_bytes(needs - 1)).unwrap_err(), ErrorKind::TooLarge);
    let progressive = info(&fixture("progressive.jpg")).unwrap();
    assert!(progressive.decoding_bytes > needs * 2, "coefficients count: {progressive:?}");
    // Of runs only the header is looked at: rows, a plain file of them and RGB are still to be made.
    let runs = info(&fixture("cases/rle8.bmp")[..54]).unwrap();
    assert_eq!((runs.width, runs.height, runs.decoding_bytes), (8, 4, 8 * 4 * 5));
    let sideways = info(&fixture("exif-6.png")).unwrap();
    assert_eq!((sideways.orientation, (sideways.width, sideways.height), sideways.upright()), (6, (36, 48), (48, 36)));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.png");
    std::fs::write(&file, &image).unwrap();
    let error = open_with(&file, &DecodeOptions::new().max_bytes(100)).unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::TooLarge, Some(&*file)));
}

#[test]
fn errors_give_the_reason() {
    let message = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
    assert_eq!(message(b""), "not an image: the file is empty");
    assert!(message(b"dear reader").starts_with("not an image: it begins like none of JPEG"));
    assert_eq!(message(b"qoif\0\0\0\0"), "QOI images are not supported");
    assert_eq!(message(&fixture("rgb.jpg")[..900]), "a damaged JPEG: the file is cut short");
    assert!(message(b"P5 60000 60000 255\n").contains("60000x60000 pixels are too many"));
    let folder = tempfile::tempdir().unwrap();
    let error = format!("{:#}", open(folder.path()).unwrap_err());
    assert!(error.starts_with(&*folder.path().to_string_lossy()) && error.contains("directory"), "{error}");
}
