"""How long something takes, for the Python examples."""
import time


def median_milliseconds(call, calls=30):
    """The median of several calls."""
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times)[calls // 2]
