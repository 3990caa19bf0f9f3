//! `mtcnn-cpu detect`: images in, faces out.

pub(crate) mod args;
mod growing;
mod options;
mod output;
mod timing;
mod wider_results;

use std::io::{self, BufWriter, Write};
use std::time::{Duration, Instant};

use mtcnn_cpu::Timing;
use mtcnn_cpu::image::draw::draw;

use crate::common::outcome::{Outcome, complain};
use crate::common::outlet::Outlet;
use crate::detect::args::Detect;
use crate::detect::options::{Options, Output};
use crate::detect::output::{Found, Report};
use crate::detect::timing::Summary;

/// What became of an image.
struct Seen {
    found: Found,
    read: Duration,
    timing: Timing,
    /// Why it could not be drawn.
    not_drawn: Option<String>,
}

/// Runs.
pub(crate) fn run(args: Detect) -> anyhow::Result<Outcome> {
    let mut options = Options::new(args)?;
    let started = Instant::now();
    if let Some(drawings) = &options.drawings {
        drawings.tell_renamed(&options.run.inputs, "drawn");
    }
    let writes_files = options.writes_files();
    let mut output = std::mem::replace(&mut options.output, Output::Stdout);
    let (out, layout): (Box<dyn Write>, _) = match &mut output {
        Output::File(file) => (Box::new(file), None),
        Output::Growing(file) => (Box::new(file), None),
        Output::Stdout => (Box::new(Outlet::stdout(options.drawings.is_some())?), None),
        Output::Folder(layout) => (Box::new(io::sink()), Some(&*layout)),
    };
    let inputs = &options.run.inputs;
    let points = options.run.point_names();
    let mut report = Report::begin(BufWriter::new(out), options.format, options.names, points, inputs)?;
    let mut summary = Summary::default();
    let mut undrawn = 0;
    let ended = options.run.each(
        writes_files,
        |index| look(&options, index),
        |index, seen| {
            let input = &inputs[index];
            let seen = match seen {
                Ok(seen) => seen,
                Err(reason) => return report.image(input, Err(&reason)),
            };
            if let Some(reason) = &seen.not_drawn {
                undrawn += 1;
                complain(reason);
            }
            report.image(input, Ok(&seen.found))?;
            if let Some(layout) = layout {
                layout.write(index, input, &seen.found.faces)?;
            }
            summary.add(seen.read, seen.timing);
            Ok(())
        },
    )?;
    let written = report.finish().and_then(|()| match output {
        Output::File(file) => file.finish(),
        Output::Growing(file) => Ok(file.finish()?),
        Output::Stdout | Output::Folder(_) => Ok(()),
    });
    let outcome = options.run.conclude(&ended, "read");
    written?;
    if options.timing && !ended.stopped {
        let _ = write!(io::stderr(), "{}", summary.table(started.elapsed()));
    }
    Ok(if outcome == Outcome::Done && undrawn > 0 { Outcome::Partly } else { outcome })
}

/// One image, from its file to its faces.
fn look(options: &Options, index: usize) -> Result<Seen, String> {
    let started = Instant::now();
    let mut image = options.run.read(index)?;
    let read = started.elapsed();
    let (faces, timing) = options.run.faces(&image)?;
    let (width, height) = image.dimensions();
    let not_drawn = options.drawings.as_ref().and_then(|drawings| {
        draw(&mut image, &faces);
        drawings.write(index, &image).err().map(|error| format!("{error:#}"))
    });
    Ok(Seen { found: Found { width, height, faces }, read, timing, not_drawn })
}
