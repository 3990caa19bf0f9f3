"""References of aligned and cropped faces: `faces.json` and `faces.png` beside this file.

    python -m venv env && env/bin/pip install numpy==2.4.6 opencv-python-headless==5.0.0.93 scikit-image==0.25.2 Pillow==13.0.0
    env/bin/pip install --no-deps insightface==2.1
    env/bin/python testdata/faces.py

Landmarks and boxes are made up here, some beyond the image's border. `norm_crop` is insightface's own; the two ways to cut a
box are written down from facenet-pytorch's `extract_face` and davidsandberg's `align_dataset_mtcnn`, with Pillow.
"""

import importlib.util
import json
import pathlib

import cv2
import numpy as np
from PIL import Image

here = pathlib.Path(__file__).parent
# The package itself asks for ONNX Runtime.
folder = importlib.util.find_spec("insightface").submodule_search_locations[0]
spec = importlib.util.spec_from_file_location("face_align", pathlib.Path(folder) / "utils" / "face_align.py")
face_align = importlib.util.module_from_spec(spec)
spec.loader.exec_module(face_align)

photo = Image.open(here / "astronaut.png").convert("RGB")
image = np.asarray(photo)
height, width = image.shape[:2]
random = np.random.default_rng(1)
template = np.array([[38.3, 51.7], [73.5, 51.5], [56, 71.7], [41.5, 92.4], [70.7, 92.2]])


def facenet_pytorch(box, size, margin):
    margins = [margin * (box[2] - box[0]) / (size - margin), margin * (box[3] - box[1]) / (size - margin)]
    cut = [int(max(box[0] - margins[0] / 2, 0)), int(max(box[1] - margins[1] / 2, 0)),
           int(min(box[2] + margins[0] / 2, width)), int(min(box[3] + margins[1] / 2, height))]
    return cut, photo.crop(cut).resize((size, size), Image.BILINEAR)


def facenet(box, size, margin):
    cut = np.array([max(box[0] - margin / 2, 0), max(box[1] - margin / 2, 0),
                    min(box[2] + margin / 2, width), min(box[3] + margin / 2, height)], np.float64).astype(np.int32).tolist()
    return cut, photo.crop(cut).resize((size, size), Image.BILINEAR)


aligned, boxes, shown = [], [], []
for size in [112, 112, 112, 128, 112]:
    turn, scale = random.uniform(-0.6, 0.6), random.uniform(0.4, 2.5)
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = (template - 56) @ rotation.T + random.uniform(20, min(width, height) - 20, 2) + random.normal(0, 3, (5, 2))
    points = points.astype(np.float32)
    matrix = face_align.estimate_norm(points, size)
    pixels = face_align.norm_crop(image, points, size)
    aligned.append({"size": size, "points": points.tolist(), "matrix": np.asarray(matrix).tolist()})
    shown.append(pixels)
for rule, size, margin in [("facenet-pytorch", 160, 0), ("facenet-pytorch", 160, 32), ("facenet", 182, 44), ("facenet", 160, 32)]:
    at, side = random.uniform(-20, min(width, height) - 40, 2), random.uniform(30, 250, 2)
    box = np.array([at[0], at[1], at[0] + side[0], at[1] + side[1]], np.float32)
    cut, pixels = (facenet_pytorch if rule == "facenet-pytorch" else facenet)(box, size, margin)
    boxes.append({"rule": rule, "size": size, "margin": margin, "box": box.tolist(), "region": cut})
    shown.append(np.asarray(pixels))

# One below the other, each at the left edge.
sheet = np.zeros((sum(it.shape[0] for it in shown), max(it.shape[1] for it in shown), 3), np.uint8)
top = 0
for pixels in shown:
    sheet[top:top + pixels.shape[0], :pixels.shape[1]] = pixels
    top += pixels.shape[0]
Image.fromarray(sheet).save(here / "faces.png", optimize=True)
(here / "faces.json").write_text(json.dumps({"aligned": aligned, "boxes": boxes}, indent=1) + "\n")
print(cv2.__version__, sheet.shape)
