//! `mtcnn-cpu weights` as a user meets it at a shell: files of other systems where they are at hand, and files that are none.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use common::{Run, root, shared, subcommand};

fn run(args: &[&Path]) -> (i32, String, String) {
    let Run { code, out, err } = Run::of(subcommand("weights", &[]).args(args).output().unwrap());
    (code, out, err)
}

fn import(files: &[PathBuf], model: &Path) -> (i32, String, String) {
    let mut args = vec![Path::new("import"), Path::new("-o"), model];
    args.extend(files.iter().map(PathBuf::as_path));
    run(&args)
}

/// The model inside as .caffemodel files.
fn export_caffe(nets: &Path) {
    let (code, _, err) = run(&[Path::new("export"), Path::new("--to"), Path::new("caffe"), Path::new("-o"), nets]);
    assert_eq!(code, 0, "{err}");
}

/// The model that is built in, as a file.
fn inside() -> Vec<u8> {
    fs::read(root().join("src/weights/default/mtcnn.safetensors")).unwrap()
}

/// The model files in a folder of the shared material.
fn files(system: &str) -> Option<Vec<PathBuf>> {
    let folder = shared(&format!("weights/{system}"))?;
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    Some(files)
}

#[test]
fn the_original_is_the_model_inside_whatever_file_it_comes_in() {
    let folder = TempDir::new().unwrap();
    for system in ["kpzhang", "davidsandberg"] {
        let Some(files) = files(system) else { return };
        let model = folder.path().join(system);
        let (code, out, err) = import(&files, &model);
        assert_eq!((code, out.as_str()), (0, ""), "{err}");
        assert!(err.contains("onet, transposed, RGB, dense inputs"), "{err}");
        assert!(fs::read(&model).unwrap() == inside(), "{system}");
    }
}

#[test]
fn mtcnn_caffe_says_its_conventions_has_no_licence_and_wants_its_profile() {
    let Some(files) = files("mtcnn-caffe") else { return };
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("mtcnn-caffe.safetensors");
    let (code, _, err) = import(&files, &model);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("onet, upright, BGR") && err.contains("landmarks x1 y1"), "{err}");
    let (code, out, err) = run(&[Path::new("info"), &model]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("495850") && out.contains("32x16x3x3") && !out.contains("licence"), "{out}");
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/astronaut.png");
    let warning = |args: &[&str]| {
        let run = Run::of(subcommand("detect", args).arg(&image).output().unwrap());
        assert_eq!(run.code, 0, "{}", run.err);
        run.err
    };
    let file = model.to_str().unwrap();
    assert_eq!(warning(&["--weights", file, "--profile", "mtcnn-caffe"]), "");
    let err = warning(&["--weights", file]);
    assert!(err.contains("for which --profile mtcnn-caffe is meant, not mtcnn-cpu"), "{err}");
}

#[test]
fn the_profile_mtcnn_caffe_without_its_weights_is_warned_of() {
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/astronaut.png");
    let run = Run::of(subcommand("detect", &["--profile", "mtcnn-caffe"]).arg(&image).output().unwrap());
    assert_eq!(run.code, 0, "{}", run.err);
    let expected = "mtcnn-cpu: warning: --profile mtcnn-caffe is meant for the weights of that system and its relatives; the \
                    weights inside: those of kpzhang\n";
    assert_eq!(run.err, expected);
}

#[test]
fn files_of_other_systems_are_named_and_so_is_what_reads_them() {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/weights");
    for (file, kind) in [("pnet.pt", "a PyTorch file"), ("pnet.lz4", "an LZ4 frame, as joblib writes")] {
        let file = testdata.join(file);
        let detect = Run::of(subcommand("detect", &["--weights"]).args([&file, &file]).output().unwrap());
        for err in [run(&[Path::new("info"), &file]).2, detect.err] {
            assert!(
                err.contains(&format!("{kind}, not a model file: `mtcnn-cpu weights import` makes one of it")),
                "{err}"
            );
        }
    }
}

#[test]
fn exported_files_come_back_as_the_model() {
    let folder = TempDir::new().unwrap();
    for (target, names) in [
        (
            "caffe",
            &[
                "onet.caffemodel",
                "onet.prototxt",
                "pnet.caffemodel",
                "pnet.prototxt",
                "rnet.caffemodel",
                "rnet.prototxt",
            ][..],
        ),
        ("npz", &["mtcnn.npz"]),
        ("onnx", &["check.npz", "onet.onnx", "pnet.onnx", "rnet.onnx"]),
    ] {
        let out = folder.path().join(target);
        let mut args = vec![Path::new("export"), Path::new("--to"), Path::new(target), Path::new("-o"), &out];
        if target == "onnx" {
            args.push(Path::new("--check"));
        }
        let (code, printed, err) = run(&args);
        assert_eq!((code, printed.as_str(), err.as_str()), (0, "", ""));
        let mut files: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.iter().map(|path| path.file_name().unwrap()).eq(names.iter().copied()), "{files:?}");
        files
            .retain(|path| !path.ends_with("check.npz") && path.extension().is_some_and(|ending| ending != "prototxt"));
        let model = folder.path().join("model");
        let (code, _, err) = import(&files, &model);
        assert_eq!(code, 0, "{err}");
        assert!(fs::read(&model).unwrap() == inside(), "{target}");
    }
    // Not every .npz file has weights in it.
    let (code, _, err) = import(&[folder.path().join("onnx/check.npz")], &folder.path().join("other"));
    assert!(code == 1 && err.contains("none of the three nets"), "{code} {err}");
}

#[test]
fn files_of_python_packages_are_read_by_their_content() {
    let folder = TempDir::new().unwrap();
    let (nets, model) = (folder.path().join("nets"), folder.path().join("model"));
    export_caffe(&nets);
    for name in ["pnet.pt", "pnet.lz4"] {
        let pnet = root().join("testdata/weights").join(name);
        // The name must not decide.
        let unnamed = folder.path().join("file");
        fs::copy(pnet, &unnamed).unwrap();
        let (code, _, err) = import(&[unnamed, nets.join("rnet.caffemodel"), nets.join("onet.caffemodel")], &model);
        assert!(code == 0 && err.contains("file: pnet, upright, RGB"), "{code} {err}");
        assert!(fs::read(&model).unwrap() == inside(), "{name}");
        fs::remove_file(&model).unwrap();
    }
}

#[test]
fn a_file_that_does_not_tell_its_conventions_must_be_explained() {
    let folder = TempDir::new().unwrap();
    let nets = folder.path().join("nets");
    export_caffe(&nets);
    // Somebody's own net: another name, and another number in it.
    let path = nets.join("pnet.caffemodel");
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.windows(8).position(|window| window == b"\"format\"").unwrap();
    bytes[place + 1] = b'F';
    let last = bytes.windows(6).rposition(|window| window == b"prelu3").unwrap();
    bytes[last + 60] ^= 1;
    fs::write(&path, bytes).unwrap();
    let files: Vec<_> = ["pnet", "rnet", "onet"].map(|net| nets.join(format!("{net}.caffemodel"))).into();
    let model = folder.path().join("model");
    let (code, _, err) = import(&files, &model);
    assert!(code == 1 && err.contains("pnet.caffemodel: pnet, but nothing in the file tells"), "{code} {err}");
    assert!(err.contains("--from, or --orientation and --colours") && !model.exists(), "{err}");
    let mut said: Vec<&Path> = ["import", "--orientation", "upright", "--colours", "rgb", "-o"].map(Path::new).into();
    said.push(&model);
    said.extend(files.iter().map(PathBuf::as_path));
    let (code, _, err) = run(&said);
    assert!(code == 0 && err.contains("pnet, upright, RGB: as said") && model.exists(), "{code} {err}");
}

#[test]
fn half_precision_is_half_the_file() {
    let folder = TempDir::new().unwrap();
    let [half, whole] = ["half", "whole"].map(|name| folder.path().join(name));
    let convert = |args: &[&Path]| {
        let (code, out, err) = run(&[&[Path::new("convert")], args].concat());
        assert_eq!((code, out.as_str(), err.as_str()), (0, "", ""));
    };
    convert(&[Path::new("--dtype"), Path::new("f16"), Path::new("-o"), &half]);
    convert(&[&half, Path::new("--dtype"), Path::new("f32"), Path::new("-o"), &whole]);
    let [small, large] = [&half, &whole].map(|path| fs::metadata(path).unwrap().len());
    assert!(small * 100 < large * 51, "{small} {large}");
    let (_, out, _) = run(&[Path::new("info"), &half]);
    assert!(out.contains("F16") && !out.contains("F32") && out.contains("licence"), "{out}");
}

#[test]
fn what_is_no_model_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let (bad, model) = (folder.path().join("bad.pt"), folder.path().join("model.safetensors"));
    for bytes in
        [&b""[..], b"text", b"\x0A\xFF\xFF\xFF\xFF\x0F", b"\x04\x22\x4D\x18", b"PK\x03\x04", b"\x93NUMPY\x01\x00"]
    {
        fs::write(&bad, bytes).unwrap();
        for (code, out, err) in [import(std::slice::from_ref(&bad), &model), run(&[Path::new("info"), &bad])] {
            assert_eq!((code, out.as_str()), (1, ""), "{bytes:?}: {err}");
            assert!(err.contains("bad.pt"), "{bytes:?}: {err}");
        }
        assert!(!model.exists(), "{bytes:?}");
    }
    // One net of three.
    if let Some(files) = files("kpzhang") {
        let (code, _, err) = import(&files[..1], &model);
        assert!(code != 0 && err.contains("rnet"), "{code} {err}");
        assert!(!model.exists());
    }
}

/// Values of half precision are others than those inside: nothing is known of them, until it is measured.
#[test]
fn a_model_is_screened_once_it_is_calibrated() {
    let folder = TempDir::new().unwrap();
    let [half, calibrated, broken] = ["half", "calibrated", "broken.jpg"].map(|name| folder.path().join(name));
    let (code, _, err) =
        run(&["convert", "--dtype", "f16", "-o"].map(Path::new).into_iter().chain([&*half]).collect::<Vec<_>>());
    assert_eq!(code, 0, "{err}");
    let [crowd, astronaut] = ["crowd.jpg", "astronaut.png"].map(|name| root().join("testdata").join(name));
    let images = folder.path().join("images");
    fs::create_dir(&images).unwrap();
    for (image, name) in [(&crowd, "crowd.jpg"), (&astronaut, "astronaut.png")] {
        fs::copy(image, images.join(name)).unwrap();
    }
    let verify = |model: &Path| {
        Run::of(
            subcommand("bench", &["--format", "json", "--weights"])
                .arg(model)
                .arg("--verify")
                .arg(&images)
                .output()
                .unwrap(),
        )
    };
    let calibrate = |model: &Path, images: &Path, to: &Path| {
        run(&[
            Path::new("calibrate"),
            model,
            Path::new("-f"),
            Path::new("json"),
            Path::new("-o"),
            to,
            Path::new("-i"),
            images,
        ])
    };

    let Run { code, err, .. } = verify(&half);
    assert!(code == 1 && err.contains("nothing to verify"), "{code} {err}");
    let (code, out, err) = calibrate(&half, &images, &calibrated);
    if err.contains("no low precision to measure") {
        assert!(code == 2 && err.contains("portable") && !calibrated.exists(), "{code} {err}");
        return;
    }
    assert_eq!((code, err.as_str()), (0, ""));
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report[0]["net"], "pnet");
    assert!(
        report[0]["margins"][5]["margin"].as_f64().unwrap() > report[0]["margins"][5]["largest_loss"].as_f64().unwrap()
    );
    assert!(report[1]["margins"][10]["passed"].as_u64().unwrap() < 1000, "few crops are so surely faces");
    assert_eq!(report[1]["margins"][10]["margin"], serde_json::Value::Null);
    let Run { code, out, err } = verify(&calibrated);
    assert_eq!((code, err.as_str()), (0, ""));
    let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(rows[0]["faces"].as_u64().unwrap() > 40 && rows[0]["different"] == 0, "{out}");
    assert!(
        rows[0]["cells"]["recomputed"].as_u64().unwrap() * 2 < rows[0]["cells"]["inputs"].as_u64().unwrap(),
        "{out}"
    );

    // The tensors are as they were, of half precision; the report says of what they were measured.
    let tensors = |model: &Path| {
        let bytes = fs::read(model).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    assert!(tensors(&half) == tensors(&calibrated));
    let (_, info, _) = run(&[Path::new("info"), &calibrated]);
    assert!(info.contains("calibrated       on 2 images\n") && !info.contains("screening"), "{info}");
    assert!(info.contains("F16"), "{info}");
    // Whose weights they are is known as before.
    let warned = Run::of(
        subcommand("detect", &["--profile", "mtcnn-caffe", "--weights"])
            .args([&calibrated, &astronaut])
            .output()
            .unwrap(),
    );
    assert!(warned.err.contains("those of kpzhang"), "{}", warned.err);

    // Another value, though the description is the same: it is not believed.
    let mut bytes = fs::read(&calibrated).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let other = folder.path().join("other");
    fs::write(&other, &bytes).unwrap();
    let Run { code, err, .. } = verify(&other);
    assert!(code == 1 && err.contains("nothing to verify"), "{code} {err}");
    let (_, info, _) = run(&[Path::new("info"), &other]);
    assert!(info.contains("calibrated       no\n"), "{info}");
    // Nor is what nobody measured.
    let place = bytes.windows(5).position(|bytes| bytes == b"\\nof ").unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    bytes[place + 2] = b'x';
    fs::write(&other, &bytes).unwrap();
    let Run { code, err, .. } = verify(&other);
    assert!(code == 1 && err.contains("nothing to verify"), "{code} {err}");

    // An image that can't be read is named, and left out; and what cannot be concluded from is refused.
    fs::write(&broken, "no image").unwrap();
    fs::copy(&broken, images.join("broken.jpg")).unwrap();
    let (code, _, err) = calibrate(&half, &images, &other);
    assert!(
        code == 1 && err.contains("broken.jpg: ") && err.contains("1 of 3 inputs could not be read"),
        "{code} {err}"
    );
    assert!(fs::read(&other).unwrap() == fs::read(&calibrated).unwrap(), "the others give what they gave");
    fs::remove_file(&other).unwrap();
    for (image, reason) in [
        (&broken, "nothing in the images is looked at by pnet (images: 0)"),
        (&astronaut, "too little was seen to conclude anything (images: 1)"),
    ] {
        let (code, _, err) = calibrate(&half, image, &other);
        assert!(code == 1 && err.contains(reason), "{code} {err}");
    }
    let (code, _, err) = calibrate(&half, Path::new("-"), &other);
    assert!(code == 2 && err.contains("stdin (-) can be read only once"), "{code} {err}");
    let (code, _, err) = calibrate(&half, &crowd, &half);
    assert!(code == 2 && err.contains("half"), "{code} {err}");
    assert!(!other.exists());
}
