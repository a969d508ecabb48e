"""The time of a training step (forward, backward, update) of LeNet, here and in PyTorch, on the same processor in one run.

    training_step.py [--torch PYTHON] [--threads 1 2] [--batch 32] [--rounds 15]

--torch: an interpreter with torch and numpy; without it our times are printed alone. The network is that of
Tests/Models/mindir/lenet_adam_infer.mindir: the converter makes a training model of it, with a softmax cross entropy and Adam; PyTorch trains the same
layers with its ordinary Adam and with the fused one. Every program stays alive and is asked for a block of steps in turn, so that all of them meet
the same frequencies and neighbours; the table has the medians of the blocks, and the shortest ones. Needs numpy.
Environment: MSLITE_LIB, MSLITE_CONVERTER (see Tests/Converter/mslite.py).
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NETWORK = os.path.join(ROOT, "Tests/Models/mindir/lenet_adam_infer.mindir")
WARM_UP, STEPS = 50, 100


def ours(path, threads, batch):
    """A function that does some steps."""
    sys.path.insert(0, os.path.join(ROOT, "Tests/Converter"))
    import numpy as np
    import mslite
    import mslite_training
    model = mslite_training.TrainingModel(path, threads)
    random = np.random.default_rng(1)
    model.step([random.standard_normal((batch, 28, 28, 1)), random.integers(0, 10, batch)])
    lib = mslite.library()

    def steps(count):
        for _ in range(count):
            if lib.OH_AI_RunStep(model.handle, None, None):
                raise RuntimeError("a step failed")
    return steps


def torchs(threads, batch, fused):
    import torch
    from torch import nn
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, fused=fused)
    loss_function = nn.CrossEntropyLoss()
    x, t = torch.randn(batch, 1, 28, 28), torch.randint(0, 10, (batch,))

    def steps(count):
        for _ in range(count):
            optimiser.zero_grad()
            loss_function(network(x), t).backward()
            optimiser.step()
    return steps


def serve(steps):
    """Does a block of steps for each line of input, and prints its seconds per step."""
    steps(WARM_UP)
    print("ready", flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        steps(STEPS)
        print((time.perf_counter() - begin) / STEPS, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--torch")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", help="also write the times to this file")
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        kind, path = arguments.worker
        threads = arguments.threads[0]
        return serve(ours(path, threads, arguments.batch) if kind == "ours" else torchs(threads, arguments.batch, kind == "fused"))

    folder = tempfile.mkdtemp(prefix="mslite-step-")
    with open(os.path.join(folder, "training.cfg"), "w") as f:
        f.write("[training]\nloss=SPARSE_SOFTMAX_CROSS_ENTROPY\noptimizer=ADAM\nbatch_size=%d\n" % arguments.batch)
    converter = os.environ.get("MSLITE_CONVERTER", os.path.join(ROOT, "build/bin/converter_lite"))
    subprocess.run(
        [converter, "--fmk=MINDIR", "--modelFile=" + NETWORK, "--outputFile=" + folder + "/lenet", "--trainModel=true",
         "--configFile=" + folder + "/training.cfg", "--quiet"], check=True, stdout=subprocess.DEVNULL)

    programs = [("mslite", sys.executable, "ours")]
    if arguments.torch:
        programs += [("PyTorch, Adam", arguments.torch, "plain"), ("PyTorch, fused Adam", arguments.torch, "fused")]
    table = {}
    for threads in arguments.threads:
        running = []
        for name, python, kind in programs:
            command = [python, os.path.abspath(__file__), "--threads", str(threads), "--batch", str(arguments.batch), "--worker", kind,
                       folder + "/lenet.ms"]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            if process.stdout.readline() != "ready\n":
                sys.exit("%s does not run" % name)
            running.append((name, process))
        for _ in range(arguments.rounds):
            for name, process in running:
                process.stdin.write("go\n")
                process.stdin.flush()
                table.setdefault((name, threads), []).append(float(process.stdout.readline()))
        for _, process in running:
            process.stdin.close()
            process.wait()
    print("| a step of LeNet, batch %d | threads | median | shortest |\n|---|---|---|---|" % arguments.batch)
    for (name, threads), times in table.items():
        print("| %s | %d | %.3f ms | %.3f ms |" % (name, threads, 1e3 * statistics.median(times), 1e3 * min(times)))
    if arguments.json:
        with open(arguments.json, "w") as f:
            json.dump([{"engine": name, "threads": threads, "seconds": times} for (name, threads), times in table.items()], f)


if __name__ == "__main__":
    main()
