"""What the processor can do at most: operations and bytes in a second, measured with machine.c, and which limit a node has."""
import glob
import os
import platform
import subprocess

from measure import prefer

HERE = os.path.dirname(os.path.abspath(__file__))
# Where the system does not say how large its caches are.
L2 = 512 << 10
# A buffer that is much larger than the last cache is read from memory.
MEMORY_FACTOR = 4


class Machine:
    """Peaks on a number of threads."""

    def __init__(self, flops, int8, levels):
        self.flops = flops
        # 0: not known.
        self.int8 = int8
        # [(name, bytes that fit, bytes per second)], nearest first; the last one has room for everything.
        self.levels = levels

    @classmethod
    def of(cls, values):
        """From what `values` has given to JSON."""
        return cls(values["flops"], values["int8"], [(name, room or float("inf"), rate) for name, room, rate in values["levels"]])

    def values(self):
        # JSON has no infinity.
        levels = [[name, None if room == float("inf") else room, rate] for name, room, rate in self.levels]
        return {"flops": self.flops, "int8": self.int8, "levels": levels}

    def bandwidth(self, size):
        """Of the nearest level that can hold so many bytes."""
        for _, room, rate in self.levels:
            if size <= room:
                return rate
        return self.levels[-1][2]

    def shortest(self, flops, size, integer):
        """The seconds that the machine needs at least: the longer of computing, and of reading what takes part once."""
        peak = self.int8 if integer and self.int8 else self.flops
        return max(flops / peak, size / self.bandwidth(size))


def cpu():
    """The processor's name and the number of processors."""
    name = platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
        name = "%s (%s)" % (names[0], name) if names else name
    return name, os.cpu_count()


def caches():
    """Bytes of the first processor's data caches by level, each as far as it is this processor's alone."""
    sizes = {}
    for folder in glob.glob("/sys/devices/system/cpu/cpu0/cache/index*"):
        def read(name):
            with open(os.path.join(folder, name)) as file:
                return file.read().strip()
        if read("type") != "Instruction":
            size = read("size")
            sizes[int(read("level"))] = int(size[:-1]) << {"K": 10, "M": 20, "G": 30}[size[-1]]
    return sizes


def measure(directory, threads):
    """Compiles and runs machine.c."""
    program = os.path.join(directory, "machine")
    compiler = os.environ.get("CC", "gcc")
    subprocess.run([compiler, "-std=gnu11", "-O2", "-march=native", os.path.join(HERE, "machine.c"), "-o", program, "-lpthread"],
                   check=True)
    sizes = caches()
    rooms = [("L2 cache", sizes.get(2, L2))]
    if sizes.get(3):
        rooms.append(("L3 cache", sizes[3]))
    memory = MEMORY_FACTOR * rooms[-1][1]
    # Half of a cache: the rest is others'. A last cache is shared by the threads.
    buffers = [room // 2 if level == 0 else room // 2 // threads for level, (_, room) in enumerate(rooms)] + [memory]
    done = subprocess.run([program, str(threads)] + [str(b) for b in buffers], stdout=subprocess.PIPE, universal_newlines=True,
                          check=True, preexec_fn=prefer)
    return parse(done.stdout, rooms, buffers)


def parse(text, rooms, buffers):
    lines = [line.split() for line in text.splitlines()]
    value = {line[0]: float(line[1]) for line in lines if len(line) == 2}
    read = {int(line[1]): float(line[2]) for line in lines if len(line) == 3}
    names = [name for name, _ in rooms] + ["memory"]
    room = [size for _, size in rooms] + [float("inf")]
    return Machine(value["flops"], value.get("int8", 0.0), [(n, s, read[b]) for n, s, b in zip(names, room, buffers)])
