#!/usr/bin/env python3
"""Makes mtcnn.safetensors, the embedded weights, from the PyPI package facenet-pytorch 2.6.0.

    pip download --no-deps facenet-pytorch==2.6.0
    python3 make.py facenet_pytorch-2.6.0-py3-none-any.whl mtcnn.safetensors

It needs Python 3.9 or later and nothing else, runs nothing that is in the package, and gives the same
bytes every time. README.md has the checksums and says what is re-ordered, and why.
"""
import hashlib
import io
import json
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict

WHEEL_SHA256 = "ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca"

# Our name: theirs. The landmark head of RNet and that of PNet are not in these weights.
LAYERS = {
    "pnet": {"conv1": "conv1", "conv2": "conv2", "conv3": "conv3", "cls": "conv4_1", "box": "conv4_2"},
    "rnet": {"conv1": "conv1", "conv2": "conv2", "conv3": "conv3", "fc": "dense4", "cls": "dense5_1", "box": "dense5_2"},
    "onet": {"conv1": "conv1", "conv2": "conv2", "conv3": "conv3", "conv4": "conv4", "fc": "dense5",
             "cls": "dense6_1", "box": "dense6_2", "lm": "dense6_3"},
}
SLOPES = {
    "pnet": {"prelu1": "prelu1", "prelu2": "prelu2", "prelu3": "prelu3"},
    "rnet": {"prelu1": "prelu1", "prelu2": "prelu2", "prelu3": "prelu3", "prelu_fc": "prelu4"},
    "onet": {"prelu1": "prelu1", "prelu2": "prelu2", "prelu3": "prelu3", "prelu4": "prelu4", "prelu_fc": "prelu5"},
}
METADATA = {
    "format": "mtcnn-cpu",
    "format_version": "1",
    "channels": "RGB",
    "landmarks": "x1 y1 x2 y2 x3 y3 x4 y4 x5 y5",
    "origin": "det1-3 of kpzhang93/MTCNN_face_detection_alignment, by way of facenet-pytorch 2.6.0",
    "licence": "MIT",
}


class Pickle(pickle.Unpickler):
    """Reads a state dict in PyTorch's old format; refuses any name that such a file does not need."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, stride, *_: (storage, offset, tuple(shape), tuple(stride))
        if (module, name) == ("torch", "FloatStorage"):
            return "f32"
        raise ValueError(f"{module}.{name} is not expected in a state dict")

    def persistent_load(self, key):
        assert key[0] == "storage" and key[1] == "f32", key
        return key[2]


def read_state_dict(data):
    """name -> (shape, values) of a .pt file of PyTorch's old format."""
    f = io.BytesIO(data)
    for _ in range(3):  # magic number, protocol version, sizes of the writer's machine
        Pickle(f).load()
    tensors, keys, storages = Pickle(f).load(), Pickle(f).load(), {}
    for key in keys:
        (count,) = struct.unpack("<q", f.read(8))
        storages[key] = struct.unpack(f"<{count}f", f.read(4 * count))
    state = {}
    for name, (storage, offset, shape, stride) in tensors.items():
        places = [offset]  # row by row, whatever the order in the storage
        for n, s in zip(shape, stride):
            places = [place + i * s for place in places for i in range(n)]
        state[name] = (shape, [storages[storage][place] for place in places])
    return state


def reorder(net, layer, shape, values):
    """Theirs to ours; their convolutions are upright already."""
    if layer == "fc" and len(shape) == 2:  # columns (x, y, channel) become (channel, y, x)
        outputs, inputs = shape
        channels = {"rnet": 64, "onet": 128}[net]
        side = 3
        assert inputs == channels * side * side
        return [outputs, inputs], [
            values[o * inputs + (x * side + y) * channels + c]
            for o in range(outputs) for c in range(channels) for y in range(side) for x in range(side)
        ]
    if layer == "lm":  # rows x1..x5 y1..y5 become x1 y1 .. x5 y5
        inputs = shape[1] if len(shape) == 2 else 1
        rows = [values[r * inputs:(r + 1) * inputs] for r in range(10)]
        return list(shape), [v for i in range(5) for r in (i, i + 5) for v in rows[r]]
    if layer in ("cls", "box"):  # PNet's 1x1 convolutions are matrices
        return list(shape[:2]), values
    return list(shape), values


def main():
    wheel, out = sys.argv[1:]
    data = open(wheel, "rb").read()
    found = hashlib.sha256(data).hexdigest()
    if found != WHEEL_SHA256:
        sys.exit(f"{wheel}: sha256 {found}, expected {WHEEL_SHA256}")
    tensors = {}
    for net in LAYERS:
        state = read_state_dict(zipfile.ZipFile(wheel).read(f"facenet_pytorch/data/{net}.pt"))
        for ours, theirs in LAYERS[net].items():
            for part in ("weight", "bias"):
                tensors[f"{net}.{ours}.{part}"] = reorder(net, ours, *state.pop(f"{theirs}.{part}"))
        for ours, theirs in SLOPES[net].items():
            shape, values = state.pop(f"{theirs}.weight")
            tensors[f"{net}.{ours}.slope"] = list(shape), values
        assert not state, state.keys()
    header, body = {"__metadata__": METADATA}, b""
    for name in sorted(tensors):
        shape, values = tensors[name]
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(packed)]}
        body += packed
    text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    text += b" " * (-len(text) % 8)
    with open(out, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + body)


main()
