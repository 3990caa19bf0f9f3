"""The part of the annotated faces that is found, by size and by the attributes of WIDER FACE. Standard library only.

    mtcnn-cpu detect WIDER_val/images --orientation stored -o faces.jsonl
    python3 docs/model_card.py wider_face_split/wider_face_val_bbx_gt.txt WIDER_val/images faces.jsonl
"""

import json
import os
import sys

ATTRIBUTES = [
    ("blur", 0, ["clear", "normal", "heavy"]),
    ("expression", 1, ["typical", "exaggerated"]),
    ("illumination", 2, ["normal", "extreme"]),
    ("occlusion", 4, ["none", "partial", "heavy"]),
    ("pose", 5, ["typical", "atypical"]),
]
SIZES = [(10, 20), (20, 30), (30, 50), (50, 100), (100, 10**9)]


def annotation(path):
    lines = iter(open(path, encoding="utf-8").read().split("\n"))
    for name in lines:
        if not name.strip():
            continue
        count = int(next(lines))
        # An image without faces has a line of zeros.
        yield name.strip(), [[float(x) for x in next(lines).split()] for _ in range(max(count, 1))]


def overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])
    return both / (area(a) + area(b) - both)


def main(truth, images, results):
    found = {}
    for line in open(results, encoding="utf-8"):
        record = json.loads(line)
        found[os.path.relpath(record["image"], images)] = [face["box"] for face in record["faces"]]
    rows = {}

    def count(group, name, hit):
        seen = rows.setdefault((group, name), [0, 0])
        seen[0] += hit
        seen[1] += 1

    for name, faces in annotation(truth):
        boxes = list(found[name])
        faces = [face for face in faces if face[2] > 0 and face[3] > 0]
        # Each box finds one face: the best pairs first.
        pairs = sorted(
            ((overlap([f[0], f[1], f[0] + f[2], f[1] + f[3]], box), i, j) for i, f in enumerate(faces) for j, box in enumerate(boxes)),
            reverse=True,
        )
        hits, used = set(), set()
        for value, i, j in pairs:
            if value >= 0.5 and i not in hits and j not in used:
                hits.add(i)
                used.add(j)
        for i, face in enumerate(faces):
            x, y, width, height, *attributes = face
            side = min(width, height)
            # Column 3 says that a face is too poor to count.
            if attributes[3] or side < SIZES[0][0]:
                continue
            size = next(f"{low} to {high} pixels" if high < 10**9 else f"{low} pixels and more" for low, high in SIZES if side < high)
            count("size", size, i in hits)
            if side >= 20:
                count("all of 20 pixels and more", "", i in hits)
                for attribute, column, names in ATTRIBUTES:
                    count(attribute, names[int(attributes[column])], i in hits)
    order = ["all of 20 pixels and more", "size"] + [attribute for attribute, *_ in ATTRIBUTES]
    names = {"size": [f"{low} to {high} pixels" for low, high in SIZES], **{it: names for it, _, names in ATTRIBUTES}}
    key = lambda row: (order.index(row[0]), (names.get(row[0], []) + [row[1]]).index(row[1]))
    print("| | | found | of | recall |\n|---|---|---|---|---|")
    for group, name in sorted(rows, key=key):
        hits, all_of = rows[group, name]
        print(f"| {group} | {name} | {hits} | {all_of} | {hits / all_of:.2f} |")


main(*sys.argv[1:])
