#!/usr/bin/env python3
"""Runs exported nets in other systems and compares their answers with those of mtcnn-cpu.

    mtcnn-cpu weights export --to onnx  -o nets --check
    mtcnn-cpu weights export --to caffe -o nets
    pip install numpy onnxruntime "opencv-python-headless<5"      # OpenCV 5 reads no Caffe models any more
    python examples/exported_nets.py nets

Prints the largest difference of every output, and exits with 1 if one is above 1e-5 or nothing was compared.
"""

import sys
from pathlib import Path

import numpy as np

MOST = 1e-5
OUTPUTS = ["prob", "box", "lm"]


def onnxruntime(folder, net, names, data):
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / f"{net}.onnx", providers=["CPUExecutionProvider"])
    return session.run(names, {"data": data})


def opencv(model, names, data):
    # One image at a time: OpenCV keeps the shapes of the first run.
    runs = []
    for image in data:
        model.setInput(image[None], "data")
        runs.append(model.forward(names))
    return [np.concatenate(answers) for answers in zip(*runs)]


def opencv_caffe(folder, net, names, data):
    import cv2

    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        raise ImportError("this OpenCV reads no Caffe models: install one before 5")
    return opencv(cv2.dnn.readNetFromCaffe(f"{folder}/{net}.prototxt", f"{folder}/{net}.caffemodel"), names, data)


def opencv_onnx(folder, net, names, data):
    import cv2

    return opencv(cv2.dnn.readNetFromONNX(f"{folder}/{net}.onnx"), names, data)


SYSTEMS = [
    ("onnxruntime", ".onnx", onnxruntime),
    ("OpenCV, ONNX", ".onnx", opencv_onnx),
    ("OpenCV, Caffe", ".caffemodel", opencv_caffe),
]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    check = np.load(folder / "check.npz")
    compared, worst = 0, 0.0
    for system, ending, run in SYSTEMS:
        for net in ["pnet", "rnet", "onet"]:
            if not (folder / f"{net}{ending}").exists():
                continue
            names = [name for name in OUTPUTS if f"{net}.{name}" in check]
            try:
                answers = run(folder, net, names, check[f"{net}.data"])
            except ImportError as missing:
                print(f"{system}: left out: {missing}", file=sys.stderr)
                break
            for name, answer in zip(names, answers):
                expected = check[f"{net}.{name}"]
                if answer.shape != expected.shape:
                    sys.exit(f"{system}, {net}.{name}: the shape is {answer.shape}, not {expected.shape}")
                difference = float(np.abs(answer - expected).max())
                print(f"{system:14} {net}.{name:4} {difference:.1e}")
                compared, worst = compared + 1, max(worst, difference)
    print(f"{compared} outputs compared, the largest difference is {worst:.1e}")
    if compared == 0 or not worst <= MOST:
        sys.exit(1)


if __name__ == "__main__":
    main()
