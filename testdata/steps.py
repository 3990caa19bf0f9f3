"""References for training with other seeds: five steps of PyTorch in f64 on noise, as src/train/tests.rs reads them.

    python testdata/steps.py FOLDER [SEEDS]
    MTCNN_CPU_SHARED=FOLDER/3 cargo test --features train --lib steps_equal -- --nocapture

Prints how far PyTorch in f32, and PyTorch in f64 begun 6e-8 beside, are from it after each step: as a part of the tensor's
largest value, in the worst tensor; and the places where the step took another maximum, side of PReLU or hard example. With one
such place neither PyTorch nor we are within the test's limit: docs/TRAINING.md. Needs PyTorch and NumPy."""

import json, os, struct, sys
import numpy as np
import torch
import torch.nn.functional as F

SAMPLES, RATE, MOMENTUM, DECAY = 48, 0.01, 0.9, 0.0005
# Side; kernel, inputs, outputs and pool of each convolution; the dense layer; the weight of the landmarks' loss.
NETS = {
    "pnet": (12, [(3, 3, 10, (2, 2)), (3, 10, 16, None), (3, 16, 32, None)], None, 0.5),
    "rnet": (24, [(3, 3, 28, (3, 2)), (3, 28, 48, (3, 2)), (2, 48, 64, None)], (576, 128), 0.5),
    "onet": (48, [(3, 3, 32, (3, 2)), (3, 32, 64, (3, 2)), (3, 64, 64, (2, 2)), (2, 64, 128, None)], (1152, 256), 1.0),
}


def shapes(net):
    _, convs, dense, _ = NETS[net]
    layers = [(f"conv{i}", f"prelu{i}", (o, c, k, k)) for i, (k, c, o, _) in enumerate(convs, 1)]
    layers += [("fc", "prelu_fc", dense[::-1])] if dense else []
    for layer, prelu, shape in layers:
        yield from ((f"{layer}.weight", shape), (f"{layer}.bias", shape[:1]), (f"{prelu}.slope", shape[:1]))
    for head, values in ("cls", 2), ("box", 4), ("lm", 10):
        yield from ((f"{head}.weight", (values, layers[-1][2][0])), (f"{head}.bias", (values,)))


def samples(net, seed):
    """Smooth noise, targets, and parameters to begin with."""
    random, side = np.random.default_rng(1000 + seed), NETS[net][0]

    def noise(cells):
        cells = torch.from_numpy(random.normal(size=(SAMPLES, 3, cells, cells)))
        return F.interpolate(cells, size=(side, side), mode="bicubic", align_corners=False).numpy()

    pixels = 128 + 45 * noise(max(3, side // 6)) + 25 * noise(max(6, side // 2))
    pixels += 6 * random.normal(size=pixels.shape)
    labels = random.permutation(np.array([0] * 24 + [1] * 8 + [-1] * 8 + [-2] * 8, "i4"))
    boxes = random.uniform(-0.4, 0.4, (SAMPLES, 4)).astype("f4")
    points = random.uniform(0.2, 0.8, (SAMPLES, 10)).astype("f4")
    first = {}
    for name, shape in shapes(net):
        most = (3 / np.prod(shape[1:])) ** 0.5
        weights = name.endswith("weight")
        first[name] = (random.uniform(-most, most, shape) if weights else np.full(shape, 0.25 * ("slope" in name))).astype("f4")
    return {"in.u8": pixels.clip(0, 255).astype("u1"), "in.labels": labels, "in.box_targets": boxes, "in.lm_targets": points}, first


def forward(net, p, x, sides):
    def prelu(x, layer):
        sides.append(x > 0)
        return F.prelu(x, p[f"prelu{layer}.slope"])

    for i, (_, _, _, pool) in enumerate(NETS[net][1], 1):
        x = prelu(F.conv2d(x, p[f"conv{i}.weight"], p[f"conv{i}.bias"]), i)
        if pool:
            x, places = F.max_pool2d(x, *pool, ceil_mode=True, return_indices=True)
            sides.append(places)
    x = x.flatten(1)
    if NETS[net][2]:
        x = prelu(F.linear(x, p["fc.weight"], p["fc.bias"]), "_fc")
    return {head: F.linear(x, p[f"{head}.weight"], p[f"{head}.bias"]) for head in ("cls", "box", "lm")}


def losses(net, answers, given):
    """Total, cls, box and lm; the cross-entropy of each sample; the hard examples."""
    labels = torch.from_numpy(given["in.labels"]).long()
    judged = (labels >= 0).nonzero()[:, 0]
    entropy = F.cross_entropy(answers["cls"][judged], labels[judged], reduction="none")
    hard = torch.argsort(-entropy.detach(), stable=True)[: int(0.7 * len(judged))]
    squares = lambda head, those: (answers[head] - torch.from_numpy(given[f"in.{head}_targets"]))[those].pow(2).sum(1).mean() / 2
    terms = entropy[hard].mean(), squares("box", labels.abs() == 1), squares("lm", labels == -2)
    each = torch.zeros(SAMPLES, dtype=torch.float64).index_put((judged,), entropy.detach().double())
    return (terms[0] + 0.5 * terms[1] + NETS[net][3] * terms[2], *terms), each, judged[hard].sort().values


def train(net, given, first, dtype, beside=0.0):
    """Five steps: the tensors of a reference, and all sides taken in each step."""
    random = np.random.default_rng(1)
    p = {k: torch.from_numpy(v).to(dtype) for k, v in first.items()}
    p = {k: v * torch.from_numpy(1 + beside * random.uniform(-1, 1, v.shape)).to(dtype) for k, v in p.items()}
    velocity = {k: torch.zeros_like(v) for k, v in p.items()}
    out, taken, terms = {}, [], []
    for step in range(6):
        p = {k: v.detach().requires_grad_() for k, v in p.items()}
        x = ((torch.from_numpy(given["in.u8"]).to(dtype) - 127.5) * 0.0078125).requires_grad_()
        sides = []
        answers = forward(net, p, x, sides)
        all_terms, each, hard = losses(net, answers, given)
        terms.append([term.item() for term in all_terms])
        taken.append(sides + [torch.zeros(SAMPLES).index_fill(0, hard, 1)])
        if step == 5:
            break
        all_terms[0].backward()
        if step == 0:
            out |= {f"out.{k}": v.detach().double() for k, v in answers.items()} | {"ce_per_sample": each, "ohem_kept_indices": hard.int()}
            out |= {f"grad.{k}": v.grad.float() for k, v in p.items()} | {"grad.input": x.grad.float()}
        for k, v in p.items():
            decay = DECAY if k.endswith("weight") else 0
            velocity[k] = MOMENTUM * velocity[k] + RATE * (v.grad + decay * v.detach())
            p[k] = v.detach() - velocity[k]
        out |= {f"step{step + 1}.{k}": v for k, v in p.items()}
    return out | {"losses": torch.tensor(terms, dtype=torch.float64)}, taken


def save(path, tensors):
    """As safetensors."""
    types, header, data = {"f4": "F32", "f8": "F64", "i4": "I32", "u1": "U8"}, {}, b""
    for name, values in tensors.items():
        values = np.ascontiguousarray(values)
        header[name] = {"dtype": types[values.dtype.str[1:]], "shape": values.shape, "data_offsets": [len(data), len(data) + values.nbytes]}
        data += values.tobytes()
    header = json.dumps(header).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header + data)


def main(folder, seeds=20):
    torch.set_num_threads(1)
    for net in NETS:
        for seed in range(int(seeds)):
            given, first = samples(net, seed)
            reference, taken = train(net, given, first, torch.float64)
            tensors = given | {f"init.{k}": v for k, v in first.items()} | {k: (v.float() if k.startswith("step") else v).numpy() for k, v in reference.items()}
            train_folder = os.path.join(folder, str(seed), "reference", "train")
            os.makedirs(train_folder, exist_ok=True)
            save(os.path.join(train_folder, f"{net}_f64.safetensors"), tensors)
            for name, dtype, beside in ("f32", torch.float32, 0.0), ("f64, beside", torch.float64, 6e-8):
                other, others = train(net, given, first, dtype, beside)
                text = []
                for step in range(1, 6):
                    pairs = [(other[k].double(), reference[k]) for k in reference if k.startswith(f"step{step}.")]
                    most = max(((a - b).abs().max() / b.abs().max()).item() for a, b in pairs)
                    text.append(f"{most:.1e} ({sum((a != b).sum().item() for a, b in zip(others[step - 1], taken[step - 1]))})")
                print(f"{net} {seed:2} {name:11}", *text, flush=True)


main(*sys.argv[1:])
