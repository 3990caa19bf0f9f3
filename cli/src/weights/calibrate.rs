//! `weights calibrate`: how far low precision errs with a model, measured on images and kept in its file.

use std::collections::HashSet;
use std::io::{self, Write};

use mtcnn_cpu::calibrate::{Calibrated, LossesSeen, Margin, NetCalibration, Ranges, RangesSeen};
use mtcnn_cpu::image::{DecodeOptions, Orientation};
use mtcnn_cpu::{ImageView, ordered};
use rayon::ThreadPool;

use crate::common::detector::pool;
use crate::common::input::{Input, find, is_stdin, refuse_to_overwrite};
use crate::common::outcome::{Outcome, Usage, caught, complain};
use crate::common::progress::progress_bar;
use crate::common::save::Save;
use crate::weights::args::Calibrate;

/// How much more memory an image takes than its decoding: whole levels of the pyramid, and what the first layers make of them.
const COST: usize = 6;

/// Images, and how they are read.
struct Images {
    inputs: Vec<Input>,
    decode: DecodeOptions,
    ram: usize,
    pool: ThreadPool,
}

pub(super) fn calibrate(args: &Calibrate) -> anyhow::Result<Outcome> {
    if args.images.iter().any(|path| is_stdin(path)) {
        return Err(Usage("images are read twice, and stdin (-) can be read only once".into()).into());
    }
    let (inputs, left_out) = find(&args.images, None, [])?;
    let read = args.model.path().into_iter().chain(inputs.iter().filter_map(Input::file_path));
    refuse_to_overwrite(read, [args.output.as_path()])?;
    let decode = args.decoding.options(Orientation::Upright);
    let mut images = Images { inputs, decode, ram: args.work.memory.ram, pool: pool(args.work.threads)? };

    let ranges = Ranges::new(args.model.path())?;
    // What can't be written is told before all the work.
    let mut file = Save::begin(&args.output)?;
    let mut seen = RangesSeen::default();
    let count = images.inputs.len();
    images.each("images: ranges", |view| ranges.look(view), |more| seen.add(more))?;
    let losses = ranges.losses(seen)?;
    let mut seen = LossesSeen::default();
    images.each("images: losses", |view| losses.look(view), |more| seen.add(more))?;
    let Calibrated { model, nets, .. } = losses.finish(seen)?;
    file.write_all(&model)?;
    file.finish()?;
    args.format.show(&nets, |out| table(&nets, out))?;
    if !left_out.is_empty() {
        complain(&left_out);
    }
    let failed = count - images.inputs.len();
    if failed == 0 {
        return Ok(Outcome::Done);
    }
    complain(format_args!("{failed} of {count} inputs could not be read"));
    Ok(Outcome::Partly)
}

impl Images {
    /// Looks at each image, several at a time, and takes what was seen, in their order. What can't be read is told, and left out from
    /// then on.
    fn each<T: Send>(
        &mut self,
        things: &str,
        look: impl Fn(&ImageView<'_>) -> T + Sync,
        mut take: impl FnMut(T),
    ) -> anyhow::Result<()> {
        let bar = progress_bar(things);
        bar.set_length(self.inputs.len() as u64);
        let Self { inputs, decode, ram, pool } = self;
        let mut failed = HashSet::new();
        ordered::for_each_within(
            pool,
            inputs.len(),
            *ram,
            |index| inputs[index].cost().saturating_mul(COST),
            |index| caught(|| Ok(look(&ImageView::from(&inputs[index].decode(decode)?)))),
            |index, seen| {
                bar.inc(1);
                match seen {
                    Ok(seen) => take(seen),
                    Err(reason) => {
                        failed.insert(index);
                        bar.suspend(|| complain(format_args!("{}: {reason}", inputs[index].name)));
                    }
                }
                Ok::<_, anyhow::Error>(())
            },
        )?;
        bar.finish_and_clear();
        let mut index = 0..;
        inputs.retain(|_| index.next().is_some_and(|index| !failed.contains(&index)));
        Ok(())
    }
}

fn table(nets: &[NetCalibration], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<5} {:>12} {:>6} {:>12} {:>10} {:>12} {:>7}",
        "net", "answers", "error", "thresholds", "passed", "largest loss", "margin"
    )?;
    for NetCalibration { net, answers, error, margins, .. } in nets {
        for Margin { thresholds: [from, to], passed, largest_loss, margin, .. } in margins {
            let margin = margin.map_or_else(|| "none".into(), |margin| format!("{margin:.2}"));
            let thresholds = format!("{from} to {to}");
            writeln!(
                out,
                "{net:<5} {answers:>12} {error:>6.3} {thresholds:>12} {passed:>10} {largest_loss:>12.3} {margin:>7}"
            )?;
        }
    }
    Ok(())
}
