//! `mtcnn-cpu crop`: images in, faces cut out of them.

pub(crate) mod args;
mod options;
mod sheet;

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use ::image::RgbImage;
use mtcnn_cpu::image::align::{Border, align};
use mtcnn_cpu::image::crop::{Crop, Region, crop};
use mtcnn_cpu::{Face, ImageView};
use serde::Serialize;

use crate::common::encoding::{format, write_image};
use crate::common::format::json_line;
use crate::common::input::Input;
use crate::common::outcome::{Outcome, complain};
use crate::common::outlet::Outlet;
use crate::crop::options::{Cutting, Options};
use crate::crop::sheet::Sheet;

/// A crop that was written.
struct Made {
    path: PathBuf,
    face: Face,
    place: Place,
    image: RgbImage,
}

/// What of the image a crop shows.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    Transform([[f64; 3]; 2]),
    Region([i64; 4]),
}

/// The crops of an image, and what stderr is to say.
type Seen = (Vec<Made>, Vec<String>);

/// Runs.
pub(crate) fn run(args: args::Crop) -> anyhow::Result<Outcome> {
    let mut options = Options::new(args)?;
    let mut boxes = options.boxes.take();
    let mut sheet = options.sheet.is_some().then(Sheet::default);
    let mut out = BufWriter::new(Outlet::stdout(true)?);
    let look = |index| look(&options, index).map_err(|error| format!("{error:#}"));
    let ended = options.run.each(true, look, |index, seen| {
        let Ok((made, remarks)) = seen else { return Ok(()) };
        let input = &options.run.inputs[index];
        remarks.iter().for_each(|remark| complain(format_args!("{}: {remark}", input.name)));
        for made in &made {
            line(&mut out, input, made)?;
            sheet.iter_mut().for_each(|sheet| sheet.add(&made.image));
        }
        boxes.iter_mut().try_for_each(|boxes| box_lines(boxes, input, &made))
    })?;
    let written = out.flush();
    if let Some(boxes) = boxes {
        boxes.finish()?;
    }
    if let (Some(sheet), Some(path)) = (sheet, &options.sheet)
        && let Some(image) = sheet.draw()
    {
        write_image(path, &image, format(path).expect("a format that was checked"))?;
    }
    let outcome = options.run.conclude(&ended, "read, or their crops not be written");
    written?;
    Ok(outcome)
}

/// One image, from its file to its crops.
fn look(options: &Options, index: usize) -> anyhow::Result<Seen> {
    let image = options.run.read(index).map_err(anyhow::Error::msg)?;
    let (faces, _) = options.run.faces(&image).map_err(anyhow::Error::msg)?;
    let view = ImageView::from(&image);
    let (mut made, mut remarks) = (Vec::new(), Vec::new());
    for face in faces.into_iter().filter(|face| face.score >= options.min_score) {
        let [x1, y1, x2, y2] = face.bbox.to_array();
        let shown = format!("the face at {x1:.0},{y1:.0},{:.0},{:.0}", x2 - x1, y2 - y1);
        let (crop, place) = match aligned(&view, options, &face) {
            Some(aligned) => aligned,
            None => {
                if options.template.is_some() {
                    remarks.push(format!("{shown} has all points in one: it is cut out as a square, not aligned"));
                }
                let Cutting { rule, outside, size } = options.cutting;
                let Some(region) = Region::of(&face.bbox, rule, [view.width(), view.height()]) else {
                    remarks.push(format!("{shown} lies outside of the image: it is not cut out"));
                    continue;
                };
                (crop(&view, region, outside, size)?, Place::Region(region.0))
            }
        };
        let Crop { pixels, width, height } = crop;
        let image = RgbImage::from_raw(width as u32, height as u32, pixels).expect("bytes of that size");
        made.push(Made { path: options.path(index, made.len()), face, place, image });
    }
    // The first is written last: where it is, all are.
    for made in made.iter().rev() {
        write_image(&made.path, &made.image, options.format)?;
    }
    Ok((made, remarks))
}

fn aligned(view: &ImageView<'_>, options: &Options, face: &Face) -> Option<(Crop, Place)> {
    let template = options.template.as_ref()?;
    let (width, height) = (template.width(), template.height());
    let mut pixels = vec![0; width * height * 3];
    let transform = align(view, face.landmarks.as_ref()?, template, Border::default(), &mut pixels)?;
    Some((Crop { pixels, width, height }, Place::Transform(transform.to_matrix())))
}

fn line(out: &mut impl Write, input: &Input, made: &Made) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        image: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        raw: Option<String>,
        crop: String,
        #[serde(flatten)]
        face: &'a Face,
        #[serde(flatten)]
        place: Place,
    }
    let crop = made.path.to_string_lossy().into_owned();
    let line = Line { image: &input.name, raw: input.raw(), crop, face: &made.face, place: made.place };
    json_line(out, &line)
}

/// As davidsandberg's script writes them, without a margin's part beyond the image.
fn box_lines(out: &mut impl Write, input: &Input, made: &[Made]) -> anyhow::Result<()> {
    if made.is_empty() {
        writeln!(out, "{}", input.name)?;
    }
    for Made { path, place, .. } in made {
        if let Place::Region([x1, y1, x2, y2]) = place {
            writeln!(out, "{} {x1} {y1} {x2} {y2}", path.to_string_lossy())?;
        }
    }
    Ok(())
}
