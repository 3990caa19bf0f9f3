"""Compares `mtcnn-cpu eval tracks` with TrackEval, and makes the sequences and numbers of this folder.

    python3 -m venv venv && venv/bin/pip install trackeval==1.3.0 motmetrics==1.4.0
    venv/bin/python testdata/tracks/trackeval_numbers.py                           # writes *.txt and trackeval.json
    venv/bin/python testdata/tracks/trackeval_numbers.py target/release/mtcnn-cpu  # compares

It compares on the sequences of this folder, on the pedestrians of TUD-Campus and TUD-Stadtmitte that motmetrics brings along,
and on pairs of files `truth results` that follow the program's name.
"""

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import motmetrics
import trackeval

HERE = Path(__file__).resolve().parent
FIELDS = {  # ours: TrackEval's metric, field
    "found": ("CLEAR", "CLR_TP"), "missed": ("CLEAR", "CLR_FN"), "wrong": ("CLEAR", "CLR_FP"), "switches": ("CLEAR", "IDSW"),
    "mota": ("CLEAR", "MOTA"), "motp": ("CLEAR", "MOTP"), "idf1": ("Identity", "IDF1"),
}


def frames(path):
    return max(int(float(line.split(",")[0])) for line in path.read_text().splitlines() if line.strip())


def theirs(truth, results):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for place, source in (("gt/s/gt/gt.txt", truth), ("trackers/t/data/s.txt", results)):
            (folder / place).parent.mkdir(parents=True)
            (folder / place).write_text(source.read_text())
        dataset = trackeval.datasets.MotChallenge2DBox({
            "GT_FOLDER": str(folder / "gt"), "TRACKERS_FOLDER": str(folder / "trackers"), "BENCHMARK": "MOT15",
            "SEQ_INFO": {"s": max(frames(truth), frames(results))}, "SKIP_SPLIT_FOL": True, "PRINT_CONFIG": False,
        })
        data = dataset.get_preprocessed_seq_data(dataset.get_raw_seq_data("t", "s"), "pedestrian")
        config = {"PRINT_CONFIG": False}
        metrics = {"CLEAR": trackeval.metrics.CLEAR(config), "Identity": trackeval.metrics.Identity(config)}
        values = {name: metric.eval_sequence(data) for name, metric in metrics.items()}
        return {ours: float(values[metric][field]) for ours, (metric, field) in FIELDS.items()}


def ours(program, truth, results):
    command = [program, "eval", "tracks", "--truth", truth, "--results", results, "--format", "json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["all"]


def make(name, seed, people, length, ignored):
    """Boxes on straight ways that cross; results that tremble, miss, invent, change their ids and exchange them."""
    rng = random.Random(seed)
    truth, results, following = [], [], 100
    for person in range(1, people + 1):
        x, y, side = rng.uniform(0, 500), rng.uniform(0, 300), rng.uniform(30, 90)
        dx, dy, grow = rng.uniform(-6, 6), rng.uniform(-3, 3), rng.uniform(0.995, 1.005)
        first, last = rng.randint(1, length // 3), rng.randint(length // 2, length)
        number, following = following, following + 1
        for frame in range(first, last + 1):
            confidence = 0 if rng.random() < ignored else 1
            truth.append((frame, person, x, y, side, side * 1.2, confidence))
            if rng.random() < 0.04:
                number, following = following, following + 1
            if rng.random() > 0.1:
                off = [rng.gauss(0, 0.09 * side) for _ in range(4)]
                results.append((frame, number, x + off[0], y + off[1], side + off[2], side * 1.2 + off[3], 0.9))
            x, y, side = x + dx, y + dy, side * grow
    for frame in range(1, length + 1):
        if rng.random() < 0.3:
            following += 1
            results.append((frame, following, rng.uniform(0, 500), rng.uniform(0, 300), 50, 60, 0.8))
    # Two tracks exchange their ids in the second half.
    swap = {100: 101, 101: 100}
    results = [(f, swap.get(i, i) if f > length // 2 else i, *rest) for f, i, *rest in results]
    # The end has frames with truth and without results, and the other way round.
    results = [row for row in results if row[0] not in (length // 2, length // 2 + 1)]
    for kind, rows in (("truth", truth), ("results", results)):
        lines = ["%d,%d,%.2f,%.2f,%.2f,%.2f,%g,-1,-1,-1" % row for row in sorted(rows)]
        (HERE / f"{name}-{kind}.txt").write_text("\n".join(lines) + "\n")


def main():
    pairs = {name: (HERE / f"{name}-truth.txt", HERE / f"{name}-results.txt") for name in ("few", "many", "ignored")}
    if len(sys.argv) == 1:
        make("few", 1, 4, 40, 0)
        make("many", 2, 20, 30, 0)
        make("ignored", 3, 8, 30, 0.2)
        numbers = {name: theirs(*files) for name, files in pairs.items()}
        (HERE / "trackeval.json").write_text(json.dumps(numbers, indent=1) + "\n")
        return
    program, *more = sys.argv[1:]
    data = Path(motmetrics.__file__).parent / "data"
    for name in ("TUD-Campus", "TUD-Stadtmitte"):
        pairs[name] = (data / name / "gt.txt", data / name / "test.txt")
    pairs |= {results: (Path(truth), Path(results)) for truth, results in zip(more[::2], more[1::2])}
    worst = 0
    for name, files in pairs.items():
        a, b = ours(program, *files), theirs(*files)
        off = max(abs(a[field] - b[field]) for field in FIELDS)
        worst = max(worst, off)
        print(f"{name:16} {off:.1e}  MOTA {a['mota']:.6f} {b['mota']:.6f}  MOTP {a['motp']:.6f} {b['motp']:.6f}  "
              f"IDF1 {a['idf1']:.6f} {b['idf1']:.6f}  switches {a['switches']} {b['switches']:.0f}")
    sys.exit(worst > 1e-4)


main()
