//! `mtcnn-cpu video` as a user meets it at a shell.

mod common;

use std::fs;
use std::io::{Cursor, Write};
use std::process::{Command, Stdio};

use common::{root, subcommand};
use image::{ImageFormat, RgbImage, imageops};
use serde_json::Value;
use tempfile::TempDir;

const SIDE: u32 = 160;

fn video(args: &[&str], input: &[u8]) -> (i32, Vec<u8>, String) {
    let mut child = subcommand("video", args);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(!err.contains("panicked"), "{err}");
    (output.status.code().unwrap(), output.stdout, err)
}

/// A face that moves to the right by two pixels a frame.
fn moving(frames: u32) -> Vec<RgbImage> {
    let portrait = image::open(root().join("testdata/astronaut.png")).unwrap().to_rgb8();
    let face = imageops::crop_imm(&portrait, 150, 0, 160, 200).to_image();
    let face = imageops::thumbnail(&face, 96, 120);
    let frame = |number: u32| {
        let mut frame = RgbImage::from_pixel(SIDE, SIDE, image::Rgb([90, 110, 100]));
        imageops::replace(&mut frame, &face, i64::from(10 + 2 * number), 20);
        frame
    };
    (0..frames).map(frame).collect()
}

fn luma(image: &RgbImage) -> Vec<u8> {
    // BT.601, limited.
    image
        .pixels()
        .map(|&image::Rgb([r, g, b])| {
            (16.0 + (65.481 * f64::from(r) + 128.553 * f64::from(g) + 24.966 * f64::from(b)) / 255.0) as u8
        })
        .collect()
}

/// 4:2:0 with colours of no colour.
fn y4m(frames: &[RgbImage]) -> Vec<u8> {
    let mut bytes = format!("YUV4MPEG2 W{SIDE} H{SIDE} F30:1 Ip A1:1 C420mpeg2 XTEST\n").into_bytes();
    for frame in frames {
        bytes.extend(b"FRAME\n");
        bytes.extend(luma(frame));
        bytes.extend([128; (SIDE * SIDE / 2) as usize]);
    }
    bytes
}

fn lines(out: &[u8]) -> Vec<Value> {
    str::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The one face of each frame has the same id in all, and moves.
fn check(out: &[u8], frames: usize, rate: f64) {
    let lines = lines(out);
    assert_eq!(lines.len(), frames);
    let mut left = 0.0;
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(line["frame"], number);
        assert!((line["time"].as_f64().unwrap() - number as f64 / rate).abs() < 1e-9);
        let faces = line["faces"].as_array().unwrap();
        let [face] = &faces[..] else { panic!("{line}") };
        let x = face["box"][0].as_f64().unwrap();
        assert!(
            face["id"] == 1 && face["landmarks"]["nose"].is_array() && (number == 0 || (x - left - 2.0).abs() < 4.0),
            "{line}"
        );
        left = x;
    }
}

#[test]
fn a_face_is_followed_in_every_kind_of_input() {
    let frames = moving(8);
    let raw =
        |pixel: fn(&image::Rgb<u8>) -> Vec<u8>| frames.iter().flat_map(|it| it.pixels().flat_map(pixel)).collect();
    let nv12 = frames.iter().flat_map(|it| [luma(it), vec![128; (SIDE * SIDE / 2) as usize]].concat()).collect();
    let images = |format| -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        frames.iter().for_each(|frame| {
            let mut one = Cursor::new(Vec::new());
            frame.write_to(&mut one, format).unwrap();
            bytes.write_all(one.get_ref()).unwrap();
        });
        bytes.into_inner()
    };
    let size = format!("{SIDE}x{SIDE}");
    let inputs: [(&[&str], Vec<u8>, f64); 6] = [
        (&["-"], y4m(&frames), 30.0),
        (&["-", "--raw", &size, "--fps", "12.5"], raw(|pixel| pixel.0.to_vec()), 12.5),
        (&["-", "--raw", &size, "--pixels", "bgr24"], raw(|pixel| vec![pixel.0[2], pixel.0[1], pixel.0[0]]), 25.0),
        (&["-", "--raw", &size, "--pixels", "nv12", "--fps", "30000/1001"], nv12, 30000.0 / 1001.0),
        (&["-"], images(ImageFormat::Jpeg), 25.0),
        (&["-", "--every", "3"], images(ImageFormat::Png), 25.0),
    ];
    for (args, input, rate) in inputs {
        let (code, out, err) = video(args, &input);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        check(&out, frames.len(), rate);
    }
    // In a folder, in the order of numbers; and as the MOT challenge has it.
    let folder = TempDir::new().unwrap();
    frames
        .iter()
        .enumerate()
        .for_each(|(number, frame)| frame.save(folder.path().join(format!("f{}.png", number + 5))).unwrap());
    let input = folder.path().to_str().unwrap();
    let (code, out, err) = video(&[input], &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    check(&out, frames.len(), 25.0);
    let (_, mot, _) = video(&[input, "--format", "mot"], &[]);
    let mot = String::from_utf8(mot).unwrap();
    assert_eq!(mot.lines().count(), frames.len());
    let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|i| lines(&out)[0]["faces"][0]["box"][i].as_f64().unwrap() as f32);
    assert!(
        mot.starts_with(&format!("1,1,{x1},{y1},{},{},", x2 - x1, y2 - y1)) && mot.contains(",-1,-1,-1\n"),
        "{mot}"
    );
}

/// The planes of the frames of a Y4M, and its first line.
fn planes(bytes: &[u8]) -> (String, Vec<Vec<u8>>) {
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap();
    let size = 6 + (SIDE * SIDE * 3 / 2) as usize;
    let frames: Vec<_> = bytes[end + 1..].chunks(size).map(|frame| frame[6..].to_vec()).collect();
    assert!(frames.iter().all(|frame| frame.len() == size - 6));
    (String::from_utf8(bytes[..end].to_vec()).unwrap(), frames)
}

fn at(plane: &[u8], x: f64, y: f64) -> u8 {
    plane[y as usize * SIDE as usize + x as usize]
}

#[test]
fn faces_are_hidden_from_the_first_frame_to_some_after_the_last_and_the_rest_stays() {
    let mut frames = moving(6);
    let empty = RgbImage::from_pixel(SIDE, SIDE, image::Rgb([90, 110, 100]));
    frames.extend(vec![empty; 6]);
    let input = y4m(&frames);
    let folder = TempDir::new().unwrap();
    let results = folder.path().join("tracks.jsonl").to_str().unwrap().to_owned();
    let args = ["-", "--blur", "--style", "solid", "--shape", "box", "--hold", "3", "--y4m", "-", "-o", &results];
    let (code, out, err) = video(&args, &input);
    assert_eq!((code, err.as_str()), (0, ""));
    let faces = lines(&fs::read(&results).unwrap());
    let ((before_line, before), (after_line, after)) = (planes(&input), planes(&out));
    assert_eq!((before.len(), &before_line), (after.len(), &after_line));
    let bbox = |frame: usize| [0, 1, 2, 3].map(|i| faces[frame]["faces"][0]["box"][i].as_f64().unwrap());
    for (number, (old, new)) in before.iter().zip(&after).enumerate() {
        let [x1, y1, x2, y2] = bbox(number.min(5));
        let (x, y) = ((x1 + x2) / 2.0, (y1 + y2) / 2.0);
        assert_eq!(at(new, x, y) == 16, number < 6 + 3, "{number}");
        assert_eq!(at(new, x, SIDE as f64 - 2.0), at(old, x, SIDE as f64 - 2.0), "{number}");
        if number >= 9 {
            assert_eq!(old, new, "{number}");
        }
    }
}

/// A face that the detector loses for some frames, or has not found yet, is hidden nevertheless.
#[test]
fn a_second_pass_hides_gaps_and_ends() {
    let folder = TempDir::new().unwrap();
    let empty = RgbImage::from_pixel(SIDE, SIDE, image::Rgb([90, 110, 100]));
    for (number, frame) in moving(16).iter().enumerate() {
        let is_seen = (4..=6).contains(&number) || (11..=12).contains(&number);
        let frame = if is_seen { frame } else { &empty };
        frame.save(folder.path().join(format!("{number}.png"))).unwrap();
    }
    let input = folder.path().to_str().unwrap();
    let args = [input, "--blur", "--style", "solid", "--shape", "box", "--hold", "2", "--y4m", "-"];
    let covered = |args: &[&str]| {
        let (code, out, err) = video(args, &[]);
        assert_eq!((code, err.as_str()), (0, ""));
        let frames = planes(&out).1;
        // The middle of the face in the frame of that number.
        let middle = |number: usize| at(&frames[number], 58.0 + 2.0 * number as f64, 90.0) == 16;
        (0..frames.len()).filter(|&number| middle(number)).collect::<Vec<_>>()
    };
    assert_eq!(covered(&args), [4, 5, 6, 7, 8, 11, 12, 13, 14]);
    assert_eq!(covered(&[&args[..], &["--two-pass"]].concat()), (2..=14).collect::<Vec<_>>());
}

#[test]
fn frames_are_drawn_on() {
    let frames = moving(4);
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("drawn.y4m").to_str().unwrap().to_owned();
    let (code, out, err) = video(&["-", "--draw", "--y4m", &copy], &y4m(&frames));
    assert_eq!((code, err.as_str(), lines(&out).len()), (0, "", 4));
    let (before, after) = (planes(&y4m(&frames)).1, planes(&fs::read(&copy).unwrap()).1);
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
    // Images become planes.
    let size = format!("{SIDE}x{SIDE}");
    let raw: Vec<u8> = frames.iter().flat_map(|it| it.as_raw().clone()).collect();
    let (code, out, _) = video(&["-", "--raw", &size, "--blur", "--y4m", "-"], &raw);
    assert_eq!(
        (code, planes(&out).0),
        (0, format!("YUV4MPEG2 W{SIDE} H{SIDE} F25:1 Ip A1:1 XCOLORRANGE=LIMITED C420jpeg"))
    );
}

#[test]
fn what_is_wrong_is_said_and_what_was_done_stays() {
    let whole = y4m(&moving(3));
    let frame = 6 + (SIDE * SIDE * 3 / 2) as usize;
    let header = |line: &str| [line.as_bytes(), b"\nFRAME\n"].concat();
    let cases: [(&[&str], Vec<u8>, usize, &str); 11] = [
        (&["-"], whole[..whole.len() - 1].to_vec(), 2, "-: frame 2: it is cut off: it has 38399 of 38400 bytes"),
        (&["-"], whole[..whole.len() - frame + 6].to_vec(), 2, "-: frame 2: it ends where the frame should begin"),
        (&["-"], whole[..whole.len() - frame + 3].to_vec(), 2, "-: frame 2: it ends within a line"),
        (&["-"], [&whole[..], b"more\n"].concat(), 3, "-: frame 3: there is no FRAME where it should begin"),
        (&["-"], header("YUV4MPEG2 W0 H10 C420"), 0, "-: its frames have 0x10 pixels"),
        (&["-"], header("YUV4MPEG2 W1000000000 H1000000000 C420"), 0, "pixels, more than --max-pixels"),
        (&["-"], b"YUV4MPEG2 W5".to_vec(), 0, "-: it ends within a line"),
        (&["-"], vec![], 0, "-: it is empty"),
        (&["-"], b"\0\0\0\x20ftypisom\0\0\0\0".to_vec(), 0, "ffmpeg -i FILE -f yuv4mpegpipe -"),
        (&["-", "--raw", "4x4"], vec![0; 100], 2, "-: frame 2: it is cut off: it has 4 of 48 bytes"),
        (&["-"], b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), 0, "-: frame 0: it is cut off"),
    ];
    for (args, input, done, reason) in cases {
        let (code, out, err) = video(args, &input);
        assert!(code == 1 && err.starts_with("mtcnn-cpu: ") && err.contains(reason), "{reason}: {code} {err}");
        assert_eq!(lines(&out).len(), done, "{reason}");
        // And the file of results has it too.
        let folder = TempDir::new().unwrap();
        let results = folder.path().join("tracks").to_str().unwrap().to_owned();
        video(&[args, &["-o", &results]].concat(), &input);
        assert_eq!(fs::read(&results).map_or(0, |bytes| lines(&bytes).len()), done, "{reason}");
    }
    for (args, reason) in [
        (&["-", "--blur"][..], "--y4m"),
        (&["-", "--y4m", "-"], "--y4m needs --blur, --draw or both"),
        (&["-", "--two-pass", "--blur", "--y4m", "-"], "it can't be stdin"),
        (&["-", "--raw", "0x4"], "a width and a height are needed"),
        (&["-", "--fps", "0"], "0 is no rate"),
        (&["-", "--every", "0"], "--every"),
        (&["-", "--style", "solid"], "are for --blur"),
        (&["-", "--draw", "--y4m", "-", "--hold", "3"], "are for --blur"),
    ] {
        let (code, _, err) = video(args, &[]);
        assert!(code == 2 && err.contains(reason), "{args:?}: {err}");
    }
    let (code, _, err) = video(&["no/such/file"], &[]);
    assert!(code == 1 && err.starts_with("mtcnn-cpu: no/such/file: "), "{err}");
}

/// What is done is complete, also with a second pass.
#[test]
fn a_file_that_is_cut_off_gives_the_frames_before_in_two_passes_too() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let whole = y4m(&moving(4));
    fs::write(path("in.y4m"), &whole[..whole.len() - 100]).unwrap();
    let args = [&*path("in.y4m"), "--blur", "--two-pass", "--y4m", &path("out.y4m"), "-o", &path("tracks")];
    let (code, _, err) = video(&args, &[]);
    assert!(code == 1 && err.contains("in.y4m: frame 3: it is cut off"), "{err}");
    assert_eq!(planes(&fs::read(path("out.y4m")).unwrap()).1.len(), 3);
    assert_eq!(lines(&fs::read(path("tracks")).unwrap()).len(), 3);
}

/// Y4M through the real ffmpeg and back, as README has it.
#[test]
fn ffmpeg_decodes_and_encodes_around_it() {
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        eprintln!("SKIPPED: there is no ffmpeg here, so the pipe with it was not tried");
        return;
    }
    let folder = TempDir::new().unwrap();
    moving(20)
        .iter()
        .enumerate()
        .for_each(|(number, frame)| frame.save(folder.path().join(format!("{number:03}.png"))).unwrap());
    let program = env!("CARGO_BIN_EXE_mtcnn-cpu");
    let script = format!(
        "ffmpeg -v error -framerate 25 -i %03d.png -pix_fmt yuv420p in.mp4 &&
         ffmpeg -v error -i in.mp4 -f yuv4mpegpipe - | '{program}' video - --blur --y4m - |
         ffmpeg -v error -i - -i in.mp4 -map 0:v -map 1:a? -pix_fmt yuv420p out.mp4 &&
         ffmpeg -v error -i out.mp4 -f image2pipe -c:v png - | '{program}' video - > after.jsonl"
    );
    let run = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    assert!(run.status.success() && run.stderr.is_empty(), "{}", String::from_utf8_lossy(&run.stderr));
    let after = lines(&fs::read(folder.path().join("after.jsonl")).unwrap());
    assert_eq!(after.len(), 20);
    assert!(after.iter().all(|line| line["faces"].as_array().unwrap().is_empty()), "no face is found any more");
}
