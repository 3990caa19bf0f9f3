//! `mtcnn-cpu blur`: images in, copies out on which no face can be recognised.

pub(crate) mod args;

use std::io::{BufWriter, Write};

use ::image::RgbImage;
use mtcnn_cpu::image::Orientation;
use mtcnn_cpu::image::blur::{Blur, PixelsMut};
use mtcnn_cpu::{BBox, Face, Part, Point};
use serde::Serialize;

use crate::blur::args::Kept;
use crate::common::copies::Copies;
use crate::common::format::json_line;
use crate::common::input::{Input, refuse_to_overwrite};
use crate::common::metadata::Metadata;
use crate::common::outcome::{Outcome, complain};
use crate::common::outlet::Outlet;
use crate::common::run::{Run, is_there};

/// What the line of an image says.
#[derive(Serialize)]
struct Line<'a> {
    image: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
    copy: String,
    width: u32,
    height: u32,
    faces: Vec<Hidden>,
}

#[derive(Serialize)]
struct Hidden {
    #[serde(flatten)]
    face: Face,
    hidden: bool,
}

/// What became of an image.
struct Seen {
    size: (u32, u32),
    faces: Vec<Hidden>,
    /// What its format can't hold.
    lost: Option<&'static str>,
}

/// Runs.
pub(crate) fn run(args: &args::Blur) -> anyhow::Result<Outcome> {
    let mut run = Run::new(&args.images, Orientation::Upright, [args.output.clone()])?;
    let copies = Copies::plan("--output", &args.output, run.is_of_one_image, &run.inputs)?;
    refuse_to_overwrite(run.files(), copies.paths())?;
    copies.probe()?;
    copies.tell_renamed(&run.inputs, "copied");
    if copies.is_folder() && !args.overwrite {
        run.go_on(|index| is_there(copies.path(index)));
    }
    let mut out = BufWriter::new(Outlet::stdout(true)?);
    let ended = run.each(
        true,
        |index| look(&run, &copies, args, index),
        |index, seen| {
            let Ok(Seen { size: (width, height), faces, lost }) = seen else { return Ok(()) };
            let (input, copy) = (&run.inputs[index], copies.path(index).to_string_lossy().into_owned());
            if let Some(lost) = lost {
                complain(format_args!("{copy}: its format is written without {lost}"));
            }
            json_line(&mut out, &Line { image: &input.name, raw: Input::raw(input), copy, width, height, faces })
        },
    )?;
    let written = out.flush();
    let outcome = run.conclude(&ended, "read, or their copies not be written");
    written?;
    Ok(outcome)
}

/// One image, from its file to its copy.
fn look(run: &Run, copies: &Copies, args: &args::Blur, index: usize) -> Result<Seen, String> {
    let bytes = run.bytes(index)?;
    let mut image = run.decode(&bytes)?;
    let metadata = match args.metadata {
        Kept::None => Metadata::default(),
        Kept::Icc => Metadata::of(&bytes, false),
        Kept::All => Metadata::of(&bytes, true),
    };
    let (faces, _) = run.faces(&image)?;
    let is_hidden = |face: &Face| !is_in(&face.bbox, &args.keep);
    let faces: Vec<_> = faces.into_iter().map(|face| Hidden { hidden: is_hidden(&face), face }).collect();
    hide(&mut image, &Blur::from(&args.hiding), faces.iter().filter(|it| it.hidden).map(|it| it.face.bbox));
    let lost = copies.write_with(index, &image, metadata).map_err(|error| format!("{error:#}"))?;
    Ok(Seen { size: image.dimensions(), faces, lost })
}

fn hide(image: &mut RgbImage, blur: &Blur, boxes: impl Iterator<Item = BBox>) {
    let (width, height) = image.dimensions();
    let mut pixels = PixelsMut::new(image, width as usize, height as usize, 3).expect("the bytes of an RGB image");
    boxes.for_each(|bbox| blur.hide(&mut pixels, &bbox));
}

/// Whether the centre of a box is in one of the parts.
fn is_in(bbox: &BBox, parts: &[Part]) -> bool {
    let Point { x, y } = bbox.centre();
    let within = |at: f32, from: usize, side: usize| (from as f32..(from + side) as f32).contains(&at);
    parts.iter().any(|part| within(x, part.x, part.width) && within(y, part.y, part.height))
}
