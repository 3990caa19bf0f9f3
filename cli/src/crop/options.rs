//! The options of `crop`, checked: what is wrong is said here, before hours of work.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ::image::ImageFormat;
use mtcnn_cpu::Landmarks;
use mtcnn_cpu::image::Orientation;
use mtcnn_cpu::image::align::Template;
use mtcnn_cpu::image::crop::{CropRule, Outside};

use crate::common::encoding::{format, make_folder};
use crate::common::input::{Input, refuse_to_overwrite};
use crate::common::outcome::Usage;
use crate::common::run::{Run, is_there};
use crate::common::save::Save;
use crate::crop::args::{self, Align, Beyond, Format, Rule};

/// Everything that a run needs, usable.
pub(crate) struct Options {
    pub(crate) run: Run,
    pub(crate) min_score: f32,
    /// Where the points go, if faces are aligned.
    pub(crate) template: Option<Template>,
    /// How a box is cut out, if they are not, or can't be.
    pub(crate) cutting: Cutting,
    pub(crate) format: ImageFormat,
    pub(crate) sheet: Option<PathBuf>,
    pub(crate) boxes: Option<Save>,
    /// For each input the path of its crops, without number and extension.
    stems: Vec<PathBuf>,
}

/// How a box is cut out.
pub(crate) struct Cutting {
    pub(crate) rule: CropRule,
    pub(crate) outside: Outside,
    pub(crate) size: Option<[usize; 2]>,
}

impl Options {
    pub(crate) fn new(args: args::Crop) -> anyhow::Result<Self> {
        let run = Run::new(&args.images, Orientation::Upright, [args.output.clone()])?;
        let template = template(&args)?;
        let cutting = cutting(&args, template.as_ref())?;
        if template.is_some() && run.point_names().five().is_none() {
            let (five, given) = (Landmarks::NAMES.join(", "), run.point_names());
            let reason =
                format!("--align needs the points {five}; of the model's points: {given}. --align none cuts out boxes");
            return Err(Usage(reason).into());
        }
        if args.boxes.is_some() && template.is_some() {
            return Err(Usage("--boxes is of boxes that are cut out: it needs --align none".into()).into());
        }
        if args.sheet.as_deref().is_some_and(|path| format(path).is_none()) {
            return Err(Usage("--sheet: the extension must be png, jpg, webp, bmp or tif".into()).into());
        }
        let stems = stems(&args.output, &run.inputs);
        let format = match args.format {
            Format::Png => ImageFormat::Png,
            Format::Jpg => ImageFormat::Jpeg,
            Format::Webp => ImageFormat::WebP,
        };
        make_folder(&args.output)?;
        Save::probe(&args.output)?;
        let mut options = Self {
            run,
            min_score: args.min_score,
            boxes: args.boxes.as_deref().map(Save::begin_alone).transpose()?,
            sheet: args.sheet,
            template,
            cutting,
            format,
            stems,
        };
        let crops: Vec<_> = (0..options.run.inputs.len()).map(|index| options.path(index, 0)).collect();
        let results = crops.iter().map(PathBuf::as_path).chain(args.boxes.as_deref()).chain(options.sheet.as_deref());
        refuse_to_overwrite(options.run.files(), results)?;
        // The first crop is written last: where it is, all are.
        options.run.go_on(|index| is_there(&crops[index]));
        Ok(options)
    }

    /// Where the crop of an input's face goes, counted from 0.
    pub(crate) fn path(&self, index: usize, face: usize) -> PathBuf {
        let mut path = self.stems[index].clone().into_os_string();
        if face > 0 {
            path.push(format!("_{}", face + 1));
        }
        path.push(match self.format {
            ImageFormat::Jpeg => ".jpg",
            ImageFormat::WebP => ".webp",
            _ => ".png",
        });
        path.into()
    }
}

fn template(args: &args::Crop) -> anyhow::Result<Option<Template>> {
    let size = |usual: usize| args.size.map_or(usual, usize::from);
    Ok(match args.align {
        Align::Arcface => Some(Template::arcface(size(112))?),
        Align::Sphereface if args.size.is_some() => {
            return Err(Usage("--align sphereface is 96x112 pixels: it takes no --size".into()).into());
        }
        Align::Sphereface => Some(Template::sphereface()),
        Align::Ffhq => Some(Template::ffhq(size(512))?),
        Align::None => None,
    })
}

fn cutting(args: &args::Crop, template: Option<&Template>) -> Result<Cutting, Usage> {
    let outside = |usual| match args.beyond.unwrap_or(usual) {
        Beyond::Clip => Outside::Clip,
        Beyond::Black => Outside::Colour([0; 3]),
    };
    if let Some(template) = template {
        let size = Some([template.width(), template.height()]);
        return Ok(Cutting { rule: CropRule::Square { margin: 0.25 }, outside: outside(Beyond::Black), size });
    }
    let margin = |usual: f64| args.margin.unwrap_or(usual);
    let size = args.size.map(|side| [usize::from(side); 2]);
    Ok(match args.rule {
        Rule::FacenetPytorch | Rule::Facenet => {
            let [side, _] = size.unwrap_or([160; 2]);
            let rule = match args.rule {
                Rule::FacenetPytorch if margin(0.0) >= side as f64 => {
                    return Err(Usage(format!("--margin {} is not less than the crop's {side} pixels", margin(0.0))));
                }
                Rule::FacenetPytorch => CropRule::FacenetPytorch { size: side, margin: margin(0.0) as usize },
                _ => CropRule::Facenet { margin: margin(32.0) },
            };
            Cutting { rule, outside: Outside::Clip, size: Some([side; 2]) }
        }
        Rule::Square => {
            Cutting { rule: CropRule::Square { margin: margin(0.25) }, outside: outside(Beyond::Black), size }
        }
        Rule::Box => Cutting { rule: CropRule::Box { margin: margin(0.0) }, outside: outside(Beyond::Clip), size },
    })
}

/// A path for each input, such that no crop of one has the name of another's: `a_2.jpg` beside `a.jpg` keeps its extension,
/// `a_2.jpg_2.png`.
fn stems(folder: &Path, inputs: &[Input]) -> Vec<PathBuf> {
    // Some file systems do not tell A from a.
    let key = |path: &Path| path.to_string_lossy().to_lowercase();
    let short: Vec<_> = inputs.iter().map(|input| input.relative.with_extension("")).collect();
    let all: HashSet<_> = short.iter().map(|stem| key(stem)).collect();
    let is_numbered = |key: &str| {
        let (before, number) = key.rsplit_once('_').unwrap_or((key, ""));
        !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()) && all.contains(before)
    };
    let mut taken = HashSet::new();
    let stem = |(input, short): (&Input, PathBuf)| {
        let short_key = key(&short);
        if !is_numbered(&short_key) && taken.insert(short_key) {
            return folder.join(short);
        }
        let mut stem = input.relative.clone();
        let mut number = 1;
        while !taken.insert(key(&stem)) {
            number += 1;
            stem = input.relative.clone();
            stem.as_mut_os_string().push(format!("-{number}"));
        }
        folder.join(stem)
    };
    inputs.iter().zip(short).map(stem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::input::Source;

    #[test]
    fn no_crop_has_the_name_of_another() {
        let inputs = ["a.jpg", "a.png", "a_2.jpg", "b_2.jpg", "A.jpg", "x/a.jpg"].map(|name| Input {
            name: name.into(),
            relative: name.into(),
            source: Source::Stdin,
        });
        let names: Vec<_> =
            stems(Path::new("out"), &inputs).iter().map(|it| it.to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["out/a", "out/a.png", "out/a_2.jpg", "out/b_2", "out/A.jpg", "out/x/a"]);
    }
}
