//! Nets with other points than the five, from lists and recipes that say so, and with none.

mod common;

use std::fs;

use common::run;
use common::sources::Sources;
use common::training::{Sets, TINY};

/// Nine points of the faces of a list, in pixels.
const NINE: [(&str, [u32; 2]); 9] = [
    ("left_brow", [58, 54]),
    ("right_brow", [87, 55]),
    ("left_eye", [60, 60]),
    ("right_eye", [85, 61]),
    ("nose", [72, 75]),
    ("mouth_left", [62, 90]),
    ("mouth_right", [84, 89]),
    // Below the box.
    ("chin", [72, 104]),
    ("forehead", [73, 48]),
];

/// A list of them in a folder.
fn nine(sources: &Sources) {
    let header: String = NINE.map(|(name, _)| format!(",{name}_x,{name}_y")).concat();
    let places: String = NINE.map(|(_, [x, y])| format!(",{x},{y}")).concat();
    let mut list = format!("image,x1,y1,x2,y2{header}\n");
    for name in ["a.png", "b.png"] {
        sources.image(&format!("nine/{name}"), 140, 150);
        list += &format!("{name},48,45,98,100{places}\n");
    }
    sources.put("nine/train.csv", &list);
    sources.put("nine/val.csv", &list);
}

#[test]
fn a_tiny_cascade_with_nine_points_and_one_without_any() {
    let sources = Sources::new();
    nine(&sources);
    let text = |name: &str| sources.path(name).to_str().unwrap().to_owned();
    let (wider, image) = (text(""), text("nine/a.png"));
    for points in [9, 0] {
        let (recipe, out) = (text(&format!("{points}.toml")), text(&format!("with-{points}")));
        sources.put(&format!("{points}.toml"), &TINY.replace("seed = 3", &format!("seed = 3\npoints = {points}")));
        let list = text("nine");
        let landmarks = if points > 0 { vec!["--landmarks", &list] } else { Vec::new() };
        let train = ["train", "cascade", "--wider", &wider, "--recipe", &recipe, "--out", &out];
        let trained = run(&[&train[..], &landmarks].concat());
        assert_eq!(trained.code, 0, "{}", trained.err);
        // Nothing is missed of what nobody asked for.
        assert!(!trained.err.contains("landmarks") || points > 0, "{}", trained.err);
        assert!(!trained.err.contains("NO landmarks") && !trained.err.contains("not mirrored"), "{}", trained.err);

        let model = format!("{out}/model.safetensors");
        let info: serde_json::Value =
            serde_json::from_str(&run(&["weights", "info", &model, "--format", "json"]).out).unwrap();
        let names = &NINE.map(|it| it.0)[..points];
        assert_eq!(info["points"], serde_json::json!(names));
        for net in info["nets"].as_array().unwrap() {
            let heads: Vec<_> = net["tensors"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|it| it["name"].as_str().unwrap().ends_with("lm.weight"))
                .map(|it| it["shape"][0].as_u64().unwrap() as usize)
                .collect();
            assert_eq!(heads, vec![2 * points; usize::from(points > 0)]);
        }

        // Noise trained on noise: with no thresholds there is something.
        let detect = ["detect", &image, "--weights", &model, "--thresholds", "0,0,0", "--min-face", "40", "--format"];
        let drawn = text(&format!("drawn-{points}.png"));
        let found = run(&[&detect[..], &["jsonl", "--draw", &drawn]].concat());
        assert_eq!(found.code, 0, "{}", found.err);
        let line: serde_json::Value = serde_json::from_str(&found.out).unwrap();
        let faces = line["faces"].as_array().unwrap();
        assert!(!faces.is_empty());
        for face in faces {
            let given = face.get("landmarks").map(|it| it.as_object().unwrap());
            assert_eq!(given.map_or(0, |it| it.len()), points);
            assert!(given.into_iter().all(|it| names.iter().all(|name| it[*name][1].is_number())));
        }
        let csv = run(&[&detect[..], &["csv"]].concat()).out;
        let header = csv.lines().next().unwrap();
        let columns: String = names.iter().map(|name| format!(",{name}_x,{name}_y")).collect();
        assert_eq!(header, format!("image,width,height,face,score,x1,y1,x2,y2{columns},error"));

        let crops = text(&format!("crops-{points}"));
        let crop = |align: &str| {
            run(&[
                "crop",
                &image,
                "-o",
                &crops,
                "--weights",
                &model,
                "--thresholds",
                "0,0,0",
                "--largest",
                "--align",
                align,
            ])
        };
        let plain = crop("none");
        assert_eq!((plain.code, plain.out.lines().count()), (0, 1), "{}", plain.err);
        let aligned = crop("arcface");
        match points {
            // The five are among the nine.
            9 => assert_eq!(aligned.code, 0, "{}", aligned.err),
            _ => {
                let reason = "--align needs the points left_eye, right_eye, nose, mouth_left, mouth_right; of the model's points: none";
                assert!(aligned.code == 2 && aligned.err.contains(reason), "{}", aligned.err);
            }
        }
        let measured = run(&["eval", "landmarks", "--landmarks", &list, "--weights", &model, "--thresholds", "0,0,0"]);
        match points {
            9 => assert!(measured.code == 0 && measured.out.contains("  chin "), "{}\n{}", measured.out, measured.err),
            _ => assert!(measured.code == 1 && measured.err.contains("gives no point left_brow"), "{}", measured.err),
        }
        let (caffe, again) = (text(&format!("caffe-{points}")), text(&format!("again-{points}.safetensors")));
        assert_eq!(run(&["weights", "export", &model, "--to", "caffe", "-o", &caffe]).code, 0);
        let files = ["pnet", "rnet", "onet"].map(|net| format!("{caffe}/{net}.caffemodel"));
        let imported = run(&["weights", "import", &files[0], &files[1], &files[2], "-o", &again]);
        assert_eq!(imported.code, 0, "{}", imported.err);
        assert!(fs::read(again).unwrap() == fs::read(&model).unwrap());
    }
}

#[test]
fn another_number_of_points_than_the_recipes_is_refused_and_both_are_named() {
    let sets = Sets::new(&["pnet"]);
    nine(&sets.sources);
    let (wider, points, nine, out) = (sets.text(""), sets.text("points"), sets.text("nine"), sets.text("out"));
    sets.sources.put("nine.toml", "base = \"quick\"\npoints = 9\n");
    let recipe = sets.text("nine.toml");
    for (args, list, reason) in [
        (["prepare", "pnet"], &nine, "train.csv: it has 9 points of each face, and the recipe asks for 5 (points = 5)"),
        (
            ["train", "cascade"],
            &nine,
            "train.csv: it has 9 points of each face, and the recipe asks for 5 (points = 5)",
        ),
    ] {
        let run = run(&[&args[..], &["--wider", &wider, "--landmarks", list, "--out", &out]].concat());
        assert!(run.code == 1 && run.err.contains(reason), "{}", run.err);
        assert!(!sets.path("out").exists());
    }
    let args = ["prepare", "pnet", "--wider", &wider, "--landmarks", &points, "--out", &out, "--recipe", &recipe];
    let refused = run(&args);
    let reason = "trainImageList.txt: it has 5 points of each face, and the recipe asks for 9 (points = 9)";
    assert!(refused.code == 1 && refused.err.contains(reason), "{}", refused.err);
    let refused = sets.train("pnet", "out", &["--recipe", &recipe]);
    let reason = "samples with 5 points of a face: the recipe asks for 9 (points = 9)";
    assert!(refused.code == 1 && refused.err.contains(reason), "{}", refused.err);

    // A mean with a net of other points has neither.
    sets.sources.put("mean.toml", "base = \"fine-tune\"\npoints = 9\n");
    let args = ["train", "cascade", "--from", "embedded", "--wider", &wider, "--landmarks", &nine, "--out", &out];
    let refused = run(&[&args[..], &["--recipe", &sets.text("mean.toml")]].concat());
    let reason = "a mean of both (blend = 0.5) has neither; blend = 1.0 in the recipe's onet.training learns them";
    assert!(refused.code == 1 && refused.err.contains(reason), "{}", refused.err);
    assert!(!sets.path("out").exists());

    // The doctor looks at such a list as at any other.
    let doctor = run(&["prepare", "doctor", "--landmarks", &nine]);
    assert!(doctor.code == 0 && doctor.out.contains("CSV of points: "), "{}{}", doctor.out, doctor.err);
    assert!(doctor.out.contains("a point outside of the face's box: 2"), "{}", doctor.out);

    // Nameless points are trained, and not mirrored.
    let places = NINE.map(|(_, [x, y])| format!("{x} {y}")).join(" ");
    sets.sources.put("nine/trainImageList.txt", &format!("a.png 48 98 45 100 {places}\nb.png 48 98 45 100 {places}\n"));
    let made = run(&["prepare", "pnet", "--wider", &wider, "--landmarks", &nine, "--out", &out, "--recipe", &recipe]);
    let warning =
        "warning: landmarks are not mirrored: the names of the points do not tell left from right: point_1, point_2";
    assert!(made.code == 0 && made.err.contains(warning), "{}", made.err);
    let set = mtcnn_cpu::data::DataSet::open(&out).unwrap();
    assert_eq!(set.manifest().points[8], "point_9");
    assert_eq!(set.sample(mtcnn_cpu::data::Class::Landmark, 0).unwrap().points.len(), 18);
}
