//! `mtcnn-cpu crop`: images in, faces cut out of them.

pub(crate) mod args;
mod options;
mod sheet;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;

use ::image::RgbImage;
use indicatif::ProgressBar;
use mtcnn_cpu::image::align::{Border, align};
use mtcnn_cpu::image::crop::{Crop, Region, crop};
use mtcnn_cpu::{Face, ImageView, ordered};
use serde::Serialize;

use crate::common::detector::detect;
use crate::common::encoding::{format, write_image};
use crate::common::input::Input;
use crate::common::outcome::{Outcome, caught, complain};
use crate::common::progress::progress_bar;
use crate::common::stop::{Stopped, stop_flag};
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

/// What became of an image.
enum Seen {
    /// Its crops are there.
    Before,
    /// Its crops, and what stderr is to say.
    Now(Vec<Made>, Vec<String>),
}

/// Runs.
pub(crate) fn run(args: args::Crop) -> anyhow::Result<Outcome> {
    let mut options = Options::new(args)?;
    let mut boxes = options.boxes.take();
    let mut sheet = options.sheet.is_some().then(Sheet::default);
    let inputs = &options.inputs;
    let bar = if inputs.len() < 2 { ProgressBar::hidden() } else { progress_bar("images") };
    bar.set_length(inputs.len() as u64);
    let stop = stop_flag()?;
    let mut out = BufWriter::new(io::stdout());
    let (mut unread, mut before) = (0, 0);
    let ended = ordered::for_each_within(
        &options.pool,
        inputs.len(),
        options.ram,
        |index| inputs[index].cost(),
        |index| caught(|| look(&options, index).map_err(|error| format!("{error:#}"))),
        |index, seen| {
            let input = &inputs[index];
            bar.inc(1);
            bar.suspend(|| {
                if stop.load(Relaxed) {
                    return Err(Stopped.into());
                }
                let (made, remarks) = match seen {
                    Ok(Seen::Now(made, remarks)) => (made, remarks),
                    Ok(Seen::Before) => {
                        before += 1;
                        return Ok(());
                    }
                    Err(reason) => {
                        unread += 1;
                        complain(format_args!("{}: {reason}", input.name));
                        return Ok(());
                    }
                };
                remarks.iter().for_each(|remark| complain(format_args!("{}: {remark}", input.name)));
                for made in &made {
                    line(&mut out, input, made)?;
                    sheet.iter_mut().for_each(|sheet| sheet.add(&made.image));
                }
                boxes.iter_mut().try_for_each(|boxes| box_lines(boxes, input, &made))?;
                anyhow::Ok(())
            })
        },
    );
    bar.finish_and_clear();
    let stopped = ended.as_ref().is_err_and(|error| error.is::<Stopped>());
    if !stopped {
        ended?;
    }
    out.flush()?;
    if let Some(boxes) = boxes {
        boxes.finish()?;
    }
    if let (Some(sheet), Some(path)) = (sheet, &options.sheet)
        && let Some(image) = sheet.draw()
    {
        write_image(path, &image, format(path).expect("a format that was checked"))?;
    }
    if before > 0 {
        complain(format_args!("{before} of {} images had their crops before", inputs.len()));
    }
    if unread > 0 && inputs.len() > 1 {
        complain(format_args!("{unread} of {} inputs could not be read, or their crops not be written", inputs.len()));
    }
    if !options.left_out.is_empty() {
        complain(&options.left_out);
    }
    if stopped {
        complain("stopped: the crops that were written are complete; the same command goes on from there");
        return Ok(Outcome::Interrupted);
    }
    Ok(if unread > 0 { Outcome::Partly } else { Outcome::Done })
}

/// One image, from its file to its crops.
fn look(options: &Options, index: usize) -> anyhow::Result<Seen> {
    // The first crop is written last: where it is, all are.
    if options.path(index, 0).exists() {
        return Ok(Seen::Before);
    }
    let image = options.inputs[index].decode(&options.decode).map_err(anyhow::Error::msg)?;
    let view = ImageView::from(&image);
    let (faces, _) = detect(&options.detector, view, options.roi)?;
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
    for made in made.iter().rev() {
        write_image(&made.path, &made.image, options.format)?;
    }
    Ok(Seen::Now(made, remarks))
}

fn aligned(view: &ImageView<'_>, options: &Options, face: &Face) -> Option<(Crop, Place)> {
    let template = options.template.as_ref()?;
    let (width, height) = (template.width(), template.height());
    let mut pixels = vec![0; width * height * 3];
    let transform = align(view, &face.landmarks, template, Border::default(), &mut pixels)?;
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
        face: Face,
        #[serde(flatten)]
        place: Place,
    }
    let crop = made.path.to_string_lossy().into_owned();
    let line = Line { image: &input.name, raw: input.raw(), crop, face: made.face, place: made.place };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)?;
    Ok(())
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
