"""measure.py: one engine, one model, in a process of its own. Reads a request (runner.py) as JSON from standard input and writes the
result as JSON to standard output.

Load is the time from the file to a model that is ready for the shapes of the data; first is the time of the first run, in which some
engines do work that they have put off. Memory is the largest resident size of the process from before the load until the end,
less the resident size before the load: the interpreter, the engine's code and the recorded data are not in it.
"""
import json
import os
import sys
import time

from engines import CLASSES
from inputs import Inputs, check

# Of timed runs there are at least so many, however long they take.
FEWEST = 5


def resident(key):
    """A line of /proc/self/status, in KiB. getrusage's maximum would start with what the parent has used."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key + ":"))


def forget_peak():
    """The largest resident size starts again from the present one; without that, it may be that of importing the engine."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def prefer():
    """Priority over what else the machine does, where that is allowed."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        return True
    except OSError:
        return False


def measure(request):
    preferred = prefer()
    inputs = Inputs(request["inputs"])
    engine = CLASSES[request["engine"]](request["threads"])
    if request["file"] is None:
        return {"version": engine.version, "preferred": preferred}
    forget_peak()
    before = resident("VmRSS")

    clock = time.perf_counter
    start = clock()
    engine.load(request["file"], inputs)
    load = clock() - start
    engine.fill(inputs)
    run = engine.runner()
    start = clock()
    run()
    first = clock() - start

    seconds = request["seconds"]
    end = clock() + seconds / 4
    while clock() < end:
        run()
    times, end = [], clock() + seconds
    while clock() < end or len(times) < FEWEST:
        start = clock()
        run()
        times.append(clock() - start)
    peak = resident("VmHWM") - before
    # At the end, because comparing takes memory.
    check(request["outputs"], engine.outputs())

    times.sort()
    middle = len(times) // 2
    median = times[middle] if len(times) % 2 else (times[middle - 1] + times[middle]) / 2
    result = {"median_ms": 1e3 * median, "min_ms": 1e3 * times[0], "runs": len(times), "load_ms": 1e3 * load,
              "first_ms": 1e3 * first, "peak_kib": max(0, peak)}
    if hasattr(engine, "input_shapes"):
        result["shapes"] = engine.input_shapes()
    return result


if __name__ == "__main__":
    # Engines print what they like; only the result goes where the parent reads.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    json.dump(measure(json.load(sys.stdin)), answer)
    answer.flush()
    # Engines that crash when they are taken down have measured all the same.
    os._exit(0)
