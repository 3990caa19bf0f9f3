#!/usr/bin/env python3
"""Makes every test image from astronaut.png, which lies beside this script.

    python -m pip install pillow==13.0.0 numpy==2.4.6
    python testdata/make.py

The same versions give the same bytes; README.md lists them with their checksums.
"""

import random
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

HERE = Path(__file__).parent
OUT = HERE / "decode"
ORIENTATION = 0x0112

# How an image must be stored for an EXIF orientation to turn it upright again.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def stored(image, orientation):
    """The image as a camera held at that orientation stores it, and its EXIF."""
    turn = STORED[orientation]
    turned = image if turn is None else image.transpose(turn)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return turned, exif


def one_segment_less(jpeg, marker):
    """A JPEG without its first segment of that marker."""
    at = 2
    while jpeg[at + 1] != marker:
        at += 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
    return jpeg[:at] + jpeg[at + 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0] :]


def decoder_fixtures(astronaut):
    """One small image in every form that the decoder must understand."""
    OUT.mkdir(exist_ok=True)
    # Wider than high and different in every corner, so that no turn can hide.
    plain = astronaut.crop((160, 40, 352, 184)).resize((48, 36), Image.Resampling.LANCZOS)
    gray = plain.convert("L")
    # Left half transparent, right half opaque: dropping alpha must leave the colours alone.
    alpha = Image.fromarray(np.repeat(np.r_[[0] * 24, [255] * 24][None, :], 36, 0).astype("u1"))
    rgba = plain.copy()
    rgba.putalpha(alpha)
    gray_alpha = gray.copy()
    gray_alpha.putalpha(alpha)

    plain.save(OUT / "rgb.png", optimize=True)
    gray.save(OUT / "gray.png", optimize=True)
    rgba.save(OUT / "rgba.png", optimize=True)
    gray_alpha.save(OUT / "gray-alpha.png", optimize=True)
    plain.quantize(64).save(OUT / "palette.png", optimize=True)
    # 16 bits: the high byte is the image, the low byte repeats it, so rounding can't matter.
    Image.fromarray(np.asarray(gray).astype("u2") * 257).save(OUT / "gray16.png", optimize=True)

    plain.save(OUT / "rgb.bmp")
    plain.save(OUT / "rgb.tif", compression="tiff_lzw")
    plain.save(OUT / "rgb.ppm")
    gray.save(OUT / "gray.pgm")
    plain.save(OUT / "lossless.webp", lossless=True)
    plain.save(OUT / "lossy.webp", quality=90)
    # The first of two frames is the image, the second its negative.
    frames = [plain.quantize(256), ImageOps.invert(plain).quantize(256)]
    frames[0].save(OUT / "two-frames.gif", save_all=True, append_images=frames[1:], duration=100)

    plain.save(OUT / "rgb.jpg", quality=95, subsampling=0)
    plain.save(OUT / "progressive.jpg", quality=95, subsampling=0, progressive=True)
    gray.save(OUT / "gray.jpg", quality=95)
    plain.convert("CMYK").save(OUT / "cmyk.jpg", quality=95, subsampling=0)
    # YCCK: the inks' YCbCr, which Pillow does not write; it inverts what it is given.
    *inks, black = plain.convert("CMYK").split()
    ycc = [ImageChops.invert(it) for it in Image.merge("RGB", inks).convert("YCbCr").split()]
    Image.merge("CMYK", (*ycc, black)).save(OUT / "ycck.jpg", quality=95, subsampling=0)
    ycck = (OUT / "ycck.jpg").read_bytes()
    at = ycck.index(b"Adobe") + 11
    (OUT / "ycck.jpg").write_bytes(ycck[:at] + b"\2" + ycck[at + 1 :])
    adobe = 0xEE
    (OUT / "cmyk-not-adobe.jpg").write_bytes(one_segment_less((OUT / "cmyk.jpg").read_bytes(), adobe))

    for orientation in STORED:
        turned, exif = stored(plain, orientation)
        file = OUT / f"exif-{orientation}.jpg"
        turned.save(file, quality=95, subsampling=0, exif=exif)
        upright = ImageOps.exif_transpose(Image.open(file))
        difference = np.asarray(upright).astype(int) - np.asarray(plain)
        assert np.abs(difference).mean() < 4, (orientation, np.abs(difference).mean())
    turned, exif = stored(plain, 6)
    turned.save(OUT / "exif-6.png", exif=exif, optimize=True)
    turned.save(OUT / "exif-6.webp", exif=exif, lossless=True)
    turned.save(OUT / "exif-6.tif", exif=exif, compression="tiff_lzw")


def crowd(astronaut):
    """Fifty copies of one head, 24 to 200 pixels high, in rows as on a group photograph."""
    dice = random.Random(2)
    width, height = 1280, 720
    # A soft vertical gradient with a little noise, which is what a wall looks like.
    noise = np.random.default_rng(2).normal(0, 3, (height, width, 1))
    wall = np.linspace(222, 190, height)[:, None, None] * np.array([1.0, 0.98, 0.98]) + noise
    image = Image.fromarray(wall.clip(0, 255).astype("u1"))

    # Head and shoulders; the face in it is 110 pixels high. The mask fades the outside away.
    head = astronaut.crop((140, 10, 310, 230))
    mask = Image.new("L", head.size, 0)
    mask.paste(255, (12, 8, head.width - 12, head.height - 12))
    mask = mask.filter(ImageFilter.GaussianBlur(6))

    def paste(face, x, y):
        scale = face / 110
        size = (round(head.width * scale), round(head.height * scale))
        one, its_mask = head.resize(size, Image.Resampling.LANCZOS), mask.resize(size)
        if dice.random() < 0.5:
            one, its_mask = ImageOps.mirror(one), ImageOps.mirror(its_mask)
        one = ImageEnhance.Brightness(one).enhance(dice.choice([0.6, 0.8, 1.0, 1.0, 1.1]))
        one = ImageEnhance.Color(one).enhance(dice.choice([0.0, 0.6, 1.0, 1.4]))
        image.paste(one, (x, y), its_mask)

    # Rows from the back to the front: face height, top, distance.
    for face, top, step in [(24, 12, 62), (40, 78, 104), (64, 172, 152)]:
        for x in range(dice.randint(8, 30), width - round(face * 1.55), step):
            paste(face, x, top + dice.randint(-4, 4))
    for face, top, lefts in [(95, 300, (20, 180, 340, 800, 960, 1120)), (115, 478, (40, 280, 840, 1080)), (200, 318, (495,))]:
        for x in lefts:
            paste(face, x, top)
    image.save(HERE / "crowd.jpg", quality=88, optimize=True)


if __name__ == "__main__":
    # By way of an array, which leaves the colour profile behind.
    source = Image.fromarray(np.asarray(Image.open(HERE / "astronaut.png").convert("RGB")))
    decoder_fixtures(source)
    crowd(source)
