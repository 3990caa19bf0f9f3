#!/usr/bin/env python3
"""The inner loops of the f32 kernels as llvm-mca sees them, on cores that this machine need not have.

    python3 benches/mca.py target/release/mtcnn-cpu IMAGE [--isa avx512] [--cpus sapphirerapids,znver4]

perf says which loops are hot: a run in which PNet lets nothing pass is PNet alone, one in which RNet lets nothing pass adds
RNet. objdump has their instructions. llvm-mca (Debian: llvm-19; older ones know no znver4) has each loop run a hundred times,
everything in the first-level cache: what it says is a bound, not a time. A line is a loop: its share of the run's time, its
multiply-adds, the other vector instructions and the rest (a load that is part of a multiply-add is not counted), then for each
core multiply-adds a cycle, where the most is 2 with two ports of that width and 1 with one.
"""
import argparse
import os
import re
import shutil
import subprocess
import tempfile

NETS = [("PNet", "1,1,1"), ("RNet", "0.6,1,1"), ("ONet", "0.6,0.7,1")]


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def inner_loops(binary):
    """Address and text of each instruction of a loop: a jump back with no other inside, nor a call or a return."""
    loops = []
    for function in run("objdump", "-d", "--no-show-raw-insn", binary).split("\n\n"):
        found = re.findall(r"^\s+([0-9a-f]+):\s+(.+)$", function, re.MULTILINE)
        code = [(int(address, 16), text.split("#")[0].strip()) for address, text in found]
        at = {address: i for i, (address, _) in enumerate(code)}
        spans = []
        for end, (_, text) in enumerate(code):
            jump = re.match(r"j\w+\s+([0-9a-f]+)", text)
            start = at.get(int(jump[1], 16), end + 1) if jump else end + 1
            leaves = any(text.startswith(("call", "ret", "jmp")) for _, text in code[start:end])
            if start <= end and not leaves and not any(start <= begin for begin, _ in spans):
                spans.append((start, end))
        loops += [code[start : end + 1] for start, end in spans]
    return loops


def samples(options, thresholds, folder):
    """How often each address of the binary was seen."""
    data = f"{folder}/perf.data"
    bench = [options.binary, "bench", options.image, "-t", "1", "-s", "3", "--exact", "--thresholds", thresholds]
    environment = {**os.environ, "MTCNN_CPU_ISA": options.isa}
    run("perf", "record", "-q", "-e", "cycles:u", "-o", data, *bench, "--format", "json", env=environment)
    text = run("perf", "script", "-i", data, "-F", "ip,dso", "--show-mmap-events")
    own = os.path.realpath(options.binary)
    mapped = re.search(r"\[0x([0-9a-f]+)\(\S+\) @ (?:0x)?([0-9a-f]+) .*r-xp " + re.escape(own), text)
    loads = re.findall(r"LOAD\s+0x(\S+)\s+0x(\S+) .* R E", run("readelf", "-lW", options.binary))
    offset, address = (int(number, 16) for number in loads[0])
    # From where the program lies in memory to where objdump says.
    shift = int(mapped[1], 16) - int(mapped[2], 16) + offset - address
    hits = {}
    for found in re.finditer(r"^\s*([0-9a-f]+) \(" + re.escape(own), text, re.MULTILINE):
        at = int(found[1], 16) - shift
        hits[at] = hits.get(at, 0) + 1
    return hits


def cycles(mca, loop, cpu):
    """Of one round. The jump goes nowhere: llvm-mca follows none."""
    text = "\n".join(re.sub(r"^(j\w+).*", r"\1 0", re.sub(r"<.*>", "", text)) for _, text in loop)
    out = run(mca, f"-mcpu={cpu}", "-mtriple=x86_64-linux-gnu", "-iterations=100", input=text + "\n")
    return int(re.search(r"Total Cycles:\s+(\d+)", out)[1]) / 100


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("image")
    parser.add_argument("--isa", default="avx512")
    parser.add_argument("--cpus", default="sapphirerapids,znver4")
    options = parser.parse_args()
    mca = next(filter(None, map(shutil.which, ["llvm-mca-22", "llvm-mca-19", "llvm-mca"])))
    cpus, loops, seen = options.cpus.split(","), inner_loops(options.binary), set()
    print("| net | share | FMAs | other vector | rest | " + " | ".join(f"{cpu}: FMAs a cycle" for cpu in cpus) + " |")
    print("|---" * (5 + len(cpus)) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for net, thresholds in NETS:
            hits = samples(options, thresholds, folder)
            total = sum(hits.values())
            lines = []
            for loop in loops:
                first, last = loop[0][0], loop[-1][0]
                count = sum(number for address, number in hits.items() if first <= address <= last)
                fmas = sum(text.startswith("vf") for _, text in loop)
                if first not in seen and count > total / 100 and fmas > 1:
                    seen.add(first)
                    lines.append((count, fmas, loop))
            for count, fmas, loop in sorted(lines, reverse=True):
                vector = sum(text.startswith("v") for _, text in loop) - fmas
                rates = " | ".join(f"{fmas / cycles(mca, loop, cpu):.2f}" for cpu in cpus)
                print(f"| {net} | {count / total:.2f} | {fmas} | {vector} | {len(loop) - fmas - vector} | {rates} |")


if __name__ == "__main__":
    main()
