//! Small sources in the official layouts of WIDER FACE and CNN_FacePoint, made for a test.

use std::fs;
use std::path::PathBuf;

use image::RgbImage;
use tempfile::TempDir;

/// See the [module](self).
#[derive(Debug)]
pub struct Sources {
    /// The root, which goes with this value.
    pub folder: TempDir,
}

impl Sources {
    /// Four images with lists of faces and of points.
    #[allow(clippy::new_without_default, reason = "it writes files")]
    #[must_use]
    pub fn new() -> Self {
        let sources = Self { folder: TempDir::new().unwrap() };
        let mut list = String::new();
        for (i, name) in ["0--A/one.png", "0--A/two.png", "1--B/three.png", "1--B/no_face.png"].iter().enumerate() {
            sources.image(&format!("WIDER_train/images/{name}"), 200 + 10 * i as u32, 160);
            list += &match i {
                3 => format!("{name}\n0\n0 0 0 0 0 0 0 0 0 0\n"),
                _ => {
                    format!("{name}\n2\n{} 40 50 60 0 0 0 0 0 0 \n{} 90 30 28 0 0 0 0 0 0 \n", 20 + i * 5, 100 + i * 3)
                }
            };
        }
        sources.put("wider_face_split/wider_face_train_bbx_gt.txt", &list);
        let points = "60 60 85 61 72 75 62 90 84 89";
        for name in ["lfw_5590/a.png", "net_7876/b.png"] {
            sources.image(&format!("points/train/{name}"), 140, 150);
        }
        let list = format!("lfw_5590\\a.png 48 98 45 100 {points}\nnet_7876\\b.png 50 96 44 99 {points}\n");
        sources.put("points/train/trainImageList.txt", &list);
        sources
    }

    /// Another set with images of the same names, `mine` below the root: a face in each of two images, `width` x `height`.
    #[must_use]
    pub fn mine(&self, width: u32, height: u32) -> PathBuf {
        let mut list = String::new();
        for name in ["0--A/one.png", "1--B/three.png"] {
            self.image(&format!("mine/WIDER_train/images/{name}"), 180, 150);
            list += &format!("{name}\n1\n40 30 {width} {height} 0 0 0 0 0 0 \n");
        }
        self.put("mine/wider_face_split/wider_face_train_bbx_gt.txt", &list);
        self.path("mine")
    }

    /// A file or folder below the root.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a text file.
    pub fn put(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// An image of noise, different for each size.
    pub fn image(&self, name: &str, width: u32, height: u32) {
        let value = |x: u32, y: u32, c: u32| ((x * 7919 + y * 104_729 + c * 31 + width * height) % 251) as u8;
        let image = RgbImage::from_fn(width, height, |x, y| [0, 1, 2].map(|c| value(x, y, c)).into());
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        image.save(self.path(name)).unwrap();
    }
}
