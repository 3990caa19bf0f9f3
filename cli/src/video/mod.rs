//! `mtcnn-cpu video`: frames in, tracks of faces out, and frames with faces drawn or hidden.

pub(crate) mod args;
mod frame;
mod rate;
mod report;
mod source;
mod y4m_writer;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use mtcnn_cpu::image::Orientation;
use mtcnn_cpu::image::blur::Blur;
use mtcnn_cpu::image::draw::draw_with;
use mtcnn_cpu::track::{Smoothing, Track, TrackOptions, TrackState, Tracker, fill};
use mtcnn_cpu::{Detector, Face, Follower};
use rayon::ThreadPool;
use yuv::{YuvRange, YuvStandardMatrix};

use crate::common::detector::{builder, pool};
use crate::common::input::{is_stdin, refuse_to_overwrite};
use crate::common::outcome::{Outcome, Usage, complain, is_broken_pipe};
use crate::common::save::Save;
use crate::common::stop::{is_stopped, stop_flag};
use crate::video::args::{Matrix, Range, Raw, Video};
use crate::video::frame::{Colours, Frame};
use crate::video::rate::Rate;
use crate::video::report::Followed;
use crate::video::source::Source;
use crate::video::y4m_writer::Writer;

/// Frames that were read and wait.
const AHEAD: usize = 2;
/// A signal is heard after that, also while no frame comes.
const PATIENCE: Duration = Duration::from_millis(100);

/// Runs.
pub(crate) fn run(args: &Video) -> anyhow::Result<Outcome> {
    check(args)?;
    let following = Following::new(args)?;
    let source = following.open()?;
    let results = args.output.iter().chain(&args.y4m).map(|path| path.as_path()).filter(|path| !is_stdin(path));
    refuse_to_overwrite(source.files.iter().map(|path| path.as_path()), results)?;
    let mut outputs = Outputs::open(args, &source)?;
    let stop = stop_flag()?;
    let take = |number, frame, tracks: Vec<Track>| outputs.frame(number, frame, &tracks);
    let ended = match args.two_pass {
        false => following.follow(source, &stop, take),
        true => following.in_two_passes(source, &stop, take),
    };
    let frames = outputs.done;
    // What was done before an error or a signal is complete; where nothing was done, what was there before stays.
    let finished = if frames > 0 { outputs.finish() } else { Ok(()) };
    // A signal is heard also while nobody reads what is written.
    let ended = ended.and_then(|ended| finished.map(|()| ended)).or_else(|error| match is_stopped(&error) {
        true => Ok(Ended { frames, stopped: true }),
        false => Err(error),
    });
    Ok(match ended? {
        Ended { stopped: false, .. } => Outcome::Done,
        Ended { frames, .. } => {
            complain(format_args!("stopped: {frames} frames are done, and their results are complete"));
            Outcome::Interrupted
        }
    })
}

fn check(args: &Video) -> Result<(), Usage> {
    let wrong = |reason: &str| Err(Usage(reason.into()));
    if args.y4m.is_some() && !args.blur && !args.draw {
        return wrong("--y4m needs --blur, --draw or both: frames would be as they were");
    }
    if args.y4m.as_deref().is_some_and(is_stdin) && io::stdout().is_terminal() {
        return wrong("--y4m - writes frames, and stdout is a terminal: send them to a file or a program");
    }
    if !args.blur && (args.two_pass || args.hold.is_some() || args.hiding.is_given()) {
        return wrong("--style, --shape, --grow, --hold and --two-pass are for --blur");
    }
    let is_once = args.input.exists() && !args.input.is_file() && !args.input.is_dir();
    if args.two_pass && (is_stdin(&args.input) || is_once) {
        return wrong("--two-pass reads the input twice: it can't be stdin or a pipe");
    }
    if args.y4m.is_some() && args.y4m == args.output {
        return wrong("--output and --y4m can't be the same file");
    }
    Ok(())
}

/// How far it came.
struct Ended {
    frames: usize,
    stopped: bool,
}

/// Who follows the faces, and how frames are read.
struct Following<'a> {
    args: &'a Video,
    detector: Detector,
    pool: ThreadPool,
    options: TrackOptions,
}

impl<'a> Following<'a> {
    fn new(args: &'a Video) -> anyhow::Result<Self> {
        let mut options = TrackOptions::default();
        let mut thresholds = args.search.thresholds.unwrap_or_else(|| args.search.profile.thresholds());
        if args.blur {
            // Rather a mask too many than a face too few.
            options.start = options.high;
        }
        if args.search.thresholds.is_some() {
            options.start = thresholds.onet;
            options.high = thresholds.onet;
            options.low = options.low.min(thresholds.onet);
        }
        thresholds.onet = options.low;
        let detector = builder(&args.search)?.thresholds(thresholds).threads(0).build()?;
        Ok(Self { args, detector, pool: pool(args.threads.threads)?, options })
    }

    fn open(&self) -> anyhow::Result<Source> {
        let args = self.args;
        let raw = args.raw.map(|[width, height]| Raw { width, height, pixels: args.pixels });
        Source::open(&args.input, raw, args.fps, args.decoding.options(Orientation::Upright))
    }

    /// Calls `take` with each frame and the tracks in it.
    fn follow(
        &self,
        source: Source,
        stop: &AtomicBool,
        mut take: impl FnMut(usize, Frame, Vec<Track>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Ended> {
        let mut options = self.options;
        options.keep = self.args.remember.map_or_else(|| (3.0 * source.rate.a_second()) as usize, |it| it as usize);
        // A mask moves with a track that is remembered.
        options.keep = options.keep.max(if self.args.blur { self.args.hold() } else { 0 });
        options.smoothing = self.args.smooth.then(|| Smoothing::new(source.rate.a_second()));
        let colours = colours(self.args, &source);
        let mut follower = Follower::new(&self.detector, Tracker::new(options)?, self.args.every.into())?;
        let mut rgb = Vec::new();
        each(source, stop, |number, frame| {
            let view = frame.view(colours, &mut rgb)?;
            let tracks = self.pool.install(|| follower.next(view))?;
            take(number, frame, tracks)
        })
    }

    /// The same, but all frames are looked at before the first is taken.
    fn in_two_passes(
        &self,
        source: Source,
        stop: &AtomicBool,
        mut take: impl FnMut(usize, Frame, Vec<Track>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Ended> {
        let mut all = Vec::new();
        let ended = self.follow(source, stop, |_, _, tracks| {
            all.push(tracks);
            Ok(())
        });
        match ended {
            Ok(ended) if ended.stopped => return Ok(Ended { frames: 0, ..ended }),
            Err(error) if all.is_empty() => return Err(error),
            // After an error the frames before it are done all the same; it comes again.
            _ => {}
        }
        let (gap, extend) = (usize::MAX, self.args.hold());
        let mut all = fill(&all, gap, extend).into_iter();
        let ended = each(self.open()?, stop, |number, frame| {
            let tracks = all.next().context("the input has more frames than the first time")?;
            take(number, frame, tracks)
        })?;
        ensure!(ended.stopped || all.next().is_none(), "the input has fewer frames than the first time");
        Ok(ended)
    }
}

/// Calls `take` with each frame, while the next ones are read.
fn each(
    source: Source,
    stop: &AtomicBool,
    mut take: impl FnMut(usize, Frame) -> anyhow::Result<()>,
) -> anyhow::Result<Ended> {
    let (ahead, mut frames) = (read_ahead(source)?, 0);
    loop {
        let frame = ahead.recv_timeout(PATIENCE);
        if stop.load(Relaxed) {
            return Ok(Ended { frames, stopped: true });
        }
        match frame {
            Ok(frame) => take(frames, frame?)?,
            // A pipe that stays silent.
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        }
        frames += 1;
    }
    ensure!(frames > 0, "the input has no frames");
    Ok(Ended { frames, stopped: false })
}

/// Reads frames on a thread of its own, which nobody waits for: it may wait for a pipe that stays silent.
fn read_ahead(source: Source) -> anyhow::Result<Receiver<anyhow::Result<Frame>>> {
    let (sender, frames) = sync_channel(AHEAD);
    let read = move || source.frames.map(|frame| sender.send(frame)).take_while(Result::is_ok).for_each(drop);
    thread::Builder::new().name("frames".into()).spawn(read).context("can't start a thread")?;
    Ok(frames)
}

fn colours(args: &Video, source: &Source) -> Colours {
    let is_full = match args.range {
        Some(range) => range == Range::Full,
        None => source.header.as_ref().and_then(|header| header.is_full).unwrap_or(false),
    };
    Colours {
        matrix: if args.matrix == Matrix::Bt709 { YuvStandardMatrix::Bt709 } else { YuvStandardMatrix::Bt601 },
        range: if is_full { YuvRange::Full } else { YuvRange::Limited },
    }
}

/// Where results go.
struct Outputs<'a> {
    args: &'a Video,
    /// Tracks.
    results: Option<Save>,
    frames: Option<Writer<Save>>,
    rate: Rate,
    colours: Colours,
    blur: Blur,
    /// Frames.
    done: usize,
}

impl<'a> Outputs<'a> {
    fn open(args: &'a Video, source: &Source) -> anyhow::Result<Self> {
        let colours = colours(args, source);
        let open = |path: &Path, beside| match is_stdin(path) {
            true => Save::stdout(beside),
            false => Save::begin_alone(path),
        };
        let frames = args.y4m.as_deref().map(|path| open(path, false)).transpose()?;
        let results = match (&args.output, &args.y4m) {
            (Some(path), _) => Some(open(path, args.y4m.is_some())?),
            (None, Some(frames)) if is_stdin(frames) => None,
            (None, frames) => Some(Save::stdout(frames.is_some())?),
        };
        let frames = frames.map(|out| Writer::new(out, source.header.as_ref(), source.rate, colours));
        Ok(Self { args, results, frames, rate: source.rate, colours, blur: Blur::from(&args.hiding), done: 0 })
    }

    fn frame(&mut self, number: usize, mut frame: Frame, tracks: &[Track]) -> anyhow::Result<()> {
        let seen = tracks.iter().filter(|track| track.state == TrackState::Seen);
        let seen: Vec<_> = seen.map(|track| Followed { id: track.id, face: track.face.clone() }).collect();
        if let Some(out) = &mut self.results {
            report::frame(out, self.args.format, self.rate, number, &seen)?;
        }
        self.done += 1;
        let Some(writer) = &mut self.frames else { return Ok(()) };
        if self.args.blur {
            // What a second pass fills is to be hidden, however long a face was lost.
            let held = tracks.iter().filter(|track| self.args.two_pass || track.is_held(self.args.hold()));
            let boxes: Vec<_> = held.map(|track| track.face.bbox).collect();
            frame.hide(&self.blur, self.colours, &boxes);
        }
        if self.args.draw && !seen.is_empty() {
            let faces: Vec<Face> = seen.iter().map(|followed| followed.face.clone()).collect();
            frame.draw(self.colours, |image| draw_with(image, &faces, |index| seen[index].id.to_string()))?;
        }
        let written = writer.write(&frame.into_y4m(self.colours)?);
        match written {
            // The file of tracks is not complete then.
            Err(error) if is_broken_pipe(&error) && self.args.output.is_some() => {
                bail!("the reader of the frames left after {number} of them")
            }
            // Of a file that can't be written the name is said already.
            Err(error) if error.chain().any(|cause| cause.is::<io::Error>()) => Err(error),
            written => written.with_context(|| {
                let name = self.args.y4m.as_deref().unwrap_or(Path::new("-")).to_string_lossy();
                format!("{name}: frame {number}")
            }),
        }
    }

    fn finish(self) -> anyhow::Result<()> {
        let frames = self.frames.map_or(Ok(()), |writer| writer.finish()?.finish());
        let results = self.results.map_or(Ok(()), Save::finish);
        frames.and(results)
    }
}
