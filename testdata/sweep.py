"""Every image below some folders, decoded by mtcnn-cpu and by Pillow: differences, grouped by kind.

    cargo build --release --example decode --features image
    python testdata/sweep.py target/release/examples/decode FOLDER...

Pillow's image is what ImageOps.exif_transpose makes of the first frame, as RGB without transparency. Files of the same bytes
count once. Good sources are the test images of Pillow's source archive, scikit-image's package, and Debian's source packages
of exiv2, gdk-pixbuf, graphicsmagick, imagemagick, kimageformats, leptonlib, libgd2, libjpeg-turbo, libpng1.6, opencv, qtbase,
tiff and vips. Needs Pillow and NumPy."""

import collections, hashlib, os, subprocess, sys, tempfile, warnings
import numpy as np
from PIL import Image, ImageFile, ImageOps

ENDS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".pam", ".mpo")
warnings.simplefilter("ignore")
# Bombs are errors on both sides.
Image.MAX_IMAGE_PIXELS = 50_000_000


def pillow(path):
    image = Image.open(path)
    image.seek(0)
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16") or upright.mode == "I":
        return np.repeat((np.asarray(upright, dtype="f8") / 257 + 0.5).clip(0, 255).astype("u1")[..., None], 3, -1)
    if upright.mode in ("P", "PA") and "transparency" in upright.info:
        upright = upright.convert("RGBA")
    if upright.mode in ("RGBA", "RGBX", "LA", "La", "RGBa"):
        bands = upright.split()[:-1]
        upright = Image.merge("RGB", bands if len(bands) == 3 else bands * 3)
    return np.asarray(upright.convert("RGB"))


def ppm(path):
    with open(path, "rb") as file:
        _, width, height, _ = file.readline().split()
        return np.frombuffer(file.read(), "u1").reshape(int(height), int(width), 3)


def main():
    program, folders = sys.argv[1], sys.argv[2:]
    files = sorted(os.path.join(root, name) for folder in folders for root, _, names in os.walk(folder) for name in names if name.lower().endswith(ENDS))
    contents = {}
    for path in files:
        with open(path, "rb") as file:
            contents.setdefault(hashlib.sha256(file.read()).digest(), path)
    files = list(contents.values())
    groups, equal = collections.defaultdict(list), 0
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "a.ppm")
        with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as child:
            for path in files:
                child.stdin.write(f"{path}\t{out}\n")
                child.stdin.flush()
                ours = child.stdout.readline().strip()
                try:
                    theirs = pillow(path)
                except Exception as error:
                    theirs = f"{type(error).__name__}: {error}"
                if ours == "ok" and not isinstance(theirs, str):
                    mine = ppm(out)
                    if mine.shape != theirs.shape:
                        groups["another size"].append((path, f"{mine.shape} {theirs.shape}"))
                        continue
                    off = int(np.abs(mine.astype("i2") - theirs).max(initial=0))
                    if off <= 3:
                        equal += 1
                    else:
                        groups["other pixels"].append((path, f"off by {off} in {(np.abs(mine.astype('i2') - theirs) > 3).any(-1).mean():.1%} of the pixels"))
                elif ours == "ok":
                    groups["only we read it"].append((path, theirs))
                elif isinstance(theirs, str):
                    groups["neither reads it"].append((path, ours))
                else:
                    groups["only Pillow reads it"].append((path, ours.removeprefix(path)))
            child.stdin.close()
    print(f"{len(files)} files, {equal} equal within 3 levels")
    for kind, found in groups.items():
        print(f"\n{kind}: {len(found)}")
        for path, reason in found:
            print(f"  {path}: {reason[:150]}")


main()
