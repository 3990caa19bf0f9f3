//! Results in one stream, one image at a time.

use std::io::Write;

use serde::Serialize;

use crate::common::format::{json, json_line};
use crate::common::input::Input;
use crate::detect::args::Format;
use mtcnn_cpu::eval::image_of_results;
use mtcnn_cpu::quote::{printable, quoted};
use mtcnn_cpu::{Face, PointNames};

/// The table's column of names is as wide as the longest, up to this.
const WIDEST_NAME: usize = 48;

/// What was found in an image.
pub(crate) struct Found {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) faces: Vec<Face>,
}

/// How names are written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Names {
    /// Whether cells that a spreadsheet would take for formulas are made text.
    pub(crate) csv_safe: bool,
    /// Whether a terminal could obey them.
    pub(crate) on_terminal: bool,
}

impl Names {
    fn shown(self, text: &str) -> String {
        if self.on_terminal { printable(text).to_string() } else { text.into() }
    }
}

/// Writes results.
pub(crate) struct Report<W> {
    out: W,
    format: Format,
    names: Names,
    /// Of CSV.
    columns: usize,
    name_width: usize,
    images: usize,
}

impl<W: Write> Report<W> {
    /// `points` are the names of those that faces have.
    pub(crate) fn begin(
        mut out: W,
        format: Format,
        names: Names,
        points: &PointNames,
        inputs: &[Input],
    ) -> anyhow::Result<Self> {
        let longest = inputs.iter().map(|input| quoted(&input.name).to_string().chars().count()).max().unwrap_or(0);
        let name_width = longest.clamp(5, WIDEST_NAME);
        let header = csv_header(points);
        match format {
            Format::Json => out.write_all(b"[")?,
            // `layout` writes a file for each image.
            Format::Wider => {}
            Format::Jsonl | Format::Fddb => {}
            Format::Csv => write_csv(&mut out, &header)?,
            Format::Table => writeln!(
                out,
                "{:name_width$}  {:>11}  {:>5}  {:>6}  {:>8} {:>8} {:>8} {:>8}",
                "IMAGE", "SIZE", "FACE", "SCORE", "X1", "Y1", "X2", "Y2"
            )?,
        }
        Ok(Self { out, format, names, columns: header.len(), name_width, images: 0 })
    }

    /// Adds an image: what was found in it, or why it could not be read.
    pub(crate) fn image(&mut self, input: &Input, result: Result<&Found, &str>) -> anyhow::Result<()> {
        let name = &input.name;
        match self.format {
            Format::Jsonl => json_line(&mut self.out, &Record::new(input, result))?,
            Format::Json => {
                self.out.write_all(if self.images == 0 { b"\n" } else { b",\n" })?;
                self.out.write_all(json(&Record::new(input, result))?.as_bytes())?;
            }
            Format::Csv => self.csv(name, result)?,
            Format::Table => self.table(name, result)?,
            Format::Wider => {}
            Format::Fddb => {
                let name = self.names.shown(&input.slashed());
                let stem = name.rsplit_once('.').map_or(&*name, |(stem, _)| stem);
                // Each image must be there for the evaluation; stderr says which could not be read.
                let faces = result.map_or(&[][..], |found| &found.faces);
                self.out.write_all(image_of_results(stem, faces).as_bytes())?;
            }
        }
        self.images += 1;
        // Whoever reads along sees each image when it is done.
        Ok(self.out.flush()?)
    }

    /// Closes what [`Report::begin`] opened.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        if self.format == Format::Json {
            self.out.write_all(b"\n]\n")?;
        }
        Ok(self.out.flush()?)
    }

    fn csv(&mut self, name: &str, result: Result<&Found, &str>) -> anyhow::Result<()> {
        let mut row = vec![String::new(); self.columns];
        row[0] = self.cell(name);
        match result {
            Err(reason) => {
                let last = row.len() - 1;
                row[last] = self.cell(reason);
                write_csv(&mut self.out, &row)
            }
            Ok(found) => {
                row[1] = found.width.to_string();
                row[2] = found.height.to_string();
                if found.faces.is_empty() {
                    row[3] = "0".into();
                    return write_csv(&mut self.out, &row);
                }
                for (number, face) in found.faces.iter().enumerate() {
                    row[3] = (number + 1).to_string();
                    let points = face.named_points().flat_map(|(_, point)| [point.x, point.y]);
                    let values = [face.score].into_iter().chain(face.bbox.to_array()).chain(points);
                    for (cell, value) in row[4..].iter_mut().zip(values) {
                        *cell = value.to_string();
                    }
                    write_csv(&mut self.out, &row)?;
                }
                Ok(())
            }
        }
    }

    /// Text as a cell: begun with an apostrophe, a spreadsheet takes it for what it is.
    fn cell(&self, text: &str) -> String {
        let text = self.names.shown(text);
        let formula = self.names.csv_safe && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        if formula { format!("'{text}") } else { text }
    }

    fn table(&mut self, name: &str, result: Result<&Found, &str>) -> anyhow::Result<()> {
        // A line break in a name would break the table.
        let (name, name_width) = (quoted(name).to_string(), self.name_width);
        let Ok(found) = result else {
            return Ok(writeln!(self.out, "{name:name_width$}  {:>11}  not read", "")?);
        };
        let size = format!("{}x{}", found.width, found.height);
        if found.faces.is_empty() {
            writeln!(self.out, "{name:name_width$}  {size:>11}  no faces")?;
        }
        for (number, face) in found.faces.iter().enumerate() {
            let ([x1, y1, x2, y2], score, number) = (face.bbox.to_array(), face.score, number + 1);
            writeln!(
                self.out,
                "{name:name_width$}  {size:>11}  {number:>5}  {score:>6.4}  {x1:>8.1} {y1:>8.1} {x2:>8.1} {y2:>8.1}"
            )?;
        }
        Ok(())
    }
}

fn csv_header(points: &PointNames) -> Vec<String> {
    let face = ["image", "width", "height", "face", "score", "x1", "y1", "x2", "y2"].map(String::from);
    let points = points.iter().flat_map(|name| [format!("{name}_x"), format!("{name}_y")]);
    face.into_iter().chain(points).chain(["error".into()]).collect()
}

fn write_csv(out: &mut impl Write, row: &[String]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(row)?;
    Ok(writer.flush()?)
}

/// An image as JSON: the order of the fields is the order in the file.
#[derive(Serialize)]
#[serde(untagged)]
enum Record<'a> {
    Found {
        image: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        raw: Option<String>,
        width: u32,
        height: u32,
        faces: &'a [Face],
    },
    Failed {
        image: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        raw: Option<String>,
        error: &'a str,
    },
}

impl<'a> Record<'a> {
    fn new(input: &'a Input, result: Result<&'a Found, &'a str>) -> Self {
        let (image, raw) = (input.name.as_str(), input.raw());
        match result {
            Ok(&Found { width, height, ref faces }) => Record::Found { image, raw, width, height, faces },
            Err(error) => Record::Failed { image, raw, error },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::input::Source;
    use mtcnn_cpu::{BBox, Landmarks, Point};

    /// Two faces in one image, none in the next, and one that can't be read.
    fn written(format: Format) -> String {
        let at = |x, y| Point { x, y };
        let landmarks = [at(1.0, 2.0), at(3.0, 4.0), at(5.0, 6.0), at(7.0, 8.0), at(9.0, 10.5)];
        let first = Face::new(BBox::new(1.5, -2.0, 30.25, 40.0), 0.99, Landmarks::from_array(landmarks));
        let mut second = first.clone();
        second.score = 0.75;
        let mut out = Vec::new();
        let mut report = Report::begin(&mut out, format, Names::default(), &PointNames::default(), &[]).unwrap();
        let input = |name: &str| Input { name: name.into(), relative: name.into(), source: Source::Stdin };
        report.image(&input("a.jpg"), Ok(&Found { width: 640, height: 480, faces: vec![first, second] })).unwrap();
        report.image(&input("b, \"c\"\n.jpg"), Ok(&Found { width: 1, height: 2, faces: vec![] })).unwrap();
        report.image(&input("d.jpg"), Err("no such file")).unwrap();
        report.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    const JSON: [&str; 3] = [
        concat!(
            r#"{"image":"a.jpg","width":640,"height":480,"faces":["#,
            r#"{"box":[1.5,-2.0,30.25,40.0],"score":0.99,"landmarks":{"left_eye":[1.0,2.0],"right_eye":[3.0,4.0],"#,
            r#""nose":[5.0,6.0],"mouth_left":[7.0,8.0],"mouth_right":[9.0,10.5]}},"#,
            r#"{"box":[1.5,-2.0,30.25,40.0],"score":0.75,"landmarks":{"left_eye":[1.0,2.0],"right_eye":[3.0,4.0],"#,
            r#""nose":[5.0,6.0],"mouth_left":[7.0,8.0],"mouth_right":[9.0,10.5]}}]}"#
        ),
        r#"{"image":"b, \"c\"\n.jpg","width":1,"height":2,"faces":[]}"#,
        r#"{"image":"d.jpg","error":"no such file"}"#,
    ];

    #[test]
    fn jsonl_is_an_object_a_line() {
        assert_eq!(written(Format::Jsonl), JSON.join("\n") + "\n");
    }

    #[test]
    fn json_is_an_array_of_them() {
        assert_eq!(written(Format::Json), format!("[\n{}\n]\n", JSON.join(",\n")));
    }

    #[test]
    fn csv_has_a_row_a_face() {
        let expected = [
            "image,width,height,face,score,x1,y1,x2,y2,left_eye_x,left_eye_y,right_eye_x,right_eye_y,\
             nose_x,nose_y,mouth_left_x,mouth_left_y,mouth_right_x,mouth_right_y,error",
            "a.jpg,640,480,1,0.99,1.5,-2,30.25,40,1,2,3,4,5,6,7,8,9,10.5,",
            "a.jpg,640,480,2,0.75,1.5,-2,30.25,40,1,2,3,4,5,6,7,8,9,10.5,",
            "\"b, \"\"c\"\"\n.jpg\",1,2,0,,,,,,,,,,,,,,,,",
            "d.jpg,,,,,,,,,,,,,,,,,,,no such file",
        ];
        assert_eq!(written(Format::Csv), expected.join("\n") + "\n");
    }

    #[test]
    fn table_has_a_line_a_face() {
        let expected = [
            "IMAGE         SIZE   FACE   SCORE        X1       Y1       X2       Y2",
            "a.jpg      640x480      1  0.9900       1.5     -2.0     30.2     40.0",
            "a.jpg      640x480      2  0.7500       1.5     -2.0     30.2     40.0",
            "b, \"c\"\\n.jpg          1x2  no faces",
            "d.jpg               not read",
        ];
        assert_eq!(written(Format::Table), expected.join("\n") + "\n");
    }

    #[test]
    fn fddb_has_names_without_extension() {
        let expected =
            ["a", "2", "1.5 -2 28.75 42 0.9900000095367432", "1.5 -2 28.75 42 0.75", "b, \"c\"\n", "0", "d", "0"];
        assert_eq!(written(Format::Fddb), expected.join("\n") + "\n");
    }
}
