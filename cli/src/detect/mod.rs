//! `mtcnn-cpu detect`: images in, faces out.

pub(crate) mod args;
mod options;
mod output;
mod timing;
mod wider_results;

use std::io::{self, BufWriter, Write};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use mtcnn_cpu::{Timing, ordered};

use crate::common::detector::detect;
use crate::common::outcome::{Outcome, caught, complain};
use crate::common::progress::progress_bar;
use crate::common::stop::{Stopped, stop_flag};
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

/// Copies that stderr names.
const MOST_NAMED: usize = 20;

/// Runs.
pub(crate) fn run(args: Detect) -> anyhow::Result<Outcome> {
    let mut options = Options::new(args)?;
    let started = Instant::now();
    if let Some(drawings) = &options.drawings {
        let mut renamed = drawings.renamed(&options.inputs);
        renamed.by_ref().take(MOST_NAMED).for_each(complain);
        match renamed.count() {
            0 => {}
            more => complain(format_args!("… and {more} more copies with a number in their name")),
        }
    }
    let writes_files = options.writes_files();
    let mut output = std::mem::replace(&mut options.output, Output::Stdout);
    let (out, layout): (Box<dyn Write>, _) = match &mut output {
        Output::File(file) => (Box::new(file), None),
        Output::Stdout => (Box::new(io::stdout()), None),
        Output::Folder(layout) => (Box::new(io::sink()), Some(&*layout)),
    };
    let mut report = Report::begin(BufWriter::new(out), options.format, options.csv_safe, &options.inputs)?;
    let mut summary = Summary::default();
    let (mut unread, mut undrawn) = (0, 0);

    let inputs = &options.inputs;
    // With one image there is nothing to wait for.
    let bar = if inputs.len() < 2 { ProgressBar::hidden() } else { progress_bar("images") };
    bar.set_length(inputs.len() as u64);
    let stop = writes_files.then(stop_flag).transpose()?;
    let mut done = 0;
    let ended = ordered::for_each_within(
        &options.pool,
        inputs.len(),
        options.ram,
        |index| inputs[index].cost(),
        |index| caught(|| look(&options, index)),
        |index, seen| {
            let input = &inputs[index];
            bar.inc(1);
            bar.suspend(|| {
                if stop.as_ref().is_some_and(|stop| stop.load(Relaxed)) {
                    return Err(Stopped.into());
                }
                done += 1;
                let seen = match seen {
                    Ok(seen) => seen,
                    Err(reason) => {
                        unread += 1;
                        complain(format_args!("{}: {reason}", input.name));
                        return report.image(input, Err(&reason));
                    }
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
                anyhow::Ok(())
            })
        },
    );
    bar.finish_and_clear();
    let stopped = ended.as_ref().is_err_and(|error| error.is::<Stopped>());
    if !stopped {
        ended?;
    }
    report.finish()?;
    if let Output::File(file) = output {
        file.finish()?;
    }

    if unread > 0 && inputs.len() > 1 {
        complain(format_args!("{unread} of {} inputs could not be read", inputs.len()));
    }
    if !options.left_out.is_empty() {
        complain(&options.left_out);
    }
    if stopped {
        complain(format_args!("stopped: {done} of {} inputs are done, and their results are complete", inputs.len()));
        return Ok(Outcome::Interrupted);
    }
    if options.timing {
        let _ = write!(io::stderr(), "{}", summary.table(started.elapsed()));
    }
    Ok(if unread + undrawn > 0 { Outcome::Partly } else { Outcome::Done })
}

/// One image, from its file to its faces.
fn look(options: &Options, index: usize) -> Result<Seen, String> {
    let started = Instant::now();
    let image = options.inputs[index].decode(&options.decode)?;
    let read = started.elapsed();
    let (faces, timing) =
        detect(&options.detector, (&image).into(), options.roi).map_err(|error| format!("{error:#}"))?;
    let (width, height) = image.dimensions();
    let not_drawn = options
        .drawings
        .as_ref()
        .and_then(|drawings| drawings.write(index, image, &faces).err())
        .map(|error| format!("{error:#}"));
    Ok(Seen { found: Found { width, height, faces }, read, timing, not_drawn })
}
