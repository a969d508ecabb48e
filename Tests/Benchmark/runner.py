"""Measures engines on models: every engine and round in a process of its own, the engines in turn."""
import json
import os
import re
import signal
import subprocess
import sys

from engines import TITLES
from models import Unavailable

HERE = os.path.dirname(os.path.abspath(__file__))
# Seconds that one process may take besides its timed runs; the slowest loads take some.
PATIENCE = 300
# Settings for one engine's matrix library that would disturb another's.
FOREIGN = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class Runner:
    def __init__(self, library, peers, seconds):
        self.seconds = seconds
        # By engine: the Python that has it.
        self.pythons = {"ours": sys.executable}
        for engine in TITLES:
            path = os.path.join(peers, engine, "bin", "python") if peers else ""
            if engine != "ours" and os.path.exists(path):
                self.pythons[engine] = path
        self.environment = {k: v for k, v in os.environ.items() if k not in FOREIGN}
        # MindSpore Lite logs every load at its default level.
        self.environment.update(MSLITE_LIB=library, GLOG_v="3", PYTHONDONTWRITEBYTECODE="1")
        self.versions, self.preferred = {}, False
        for engine in list(self.pythons):
            answer = self._ask({"engine": engine, "threads": 1, "file": None, "inputs": [], "outputs": [], "seconds": 0})
            if "error" in answer:
                print("%s is installed, but does not start: %s" % (TITLES[engine], answer["error"]), file=sys.stderr)
                del self.pythons[engine]
            else:
                self.versions[engine], self.preferred = answer["version"], answer["preferred"]

    def _ask(self, request):
        """What measure.py says to a request, or {"error": why not}."""
        command = [self.pythons[request["engine"]], os.path.join(HERE, "measure.py")]
        try:
            done = subprocess.run(command, input=json.dumps(request), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  universal_newlines=True, errors="replace", env=self.environment, timeout=PATIENCE + self.seconds)
        except subprocess.TimeoutExpired:
            return {"error": "no result within %d s" % (PATIENCE + self.seconds)}
        try:
            return json.loads(done.stdout)
        except ValueError:
            pass
        if done.returncode < 0:
            return {"error": "ended by " + signal.Signals(-done.returncode).name}
        reason = (done.stderr.strip() or "ended with %d" % done.returncode).splitlines()[-1]
        # The last line of a traceback starts with the exception's type.
        return {"error": re.sub(r"^[\w.]*(Error|Exception|Refused): ", "", reason)[:300]}

    def rounds(self, model, threads, rounds, converters):
        """Rows of results.FIELDS for all engines, and the shapes that ours ran with."""
        files, rows, shapes = {}, [], None
        start = {"model": model.name, "threads": threads}
        for engine in self.pythons:
            try:
                files[engine] = model.file_for(engine, converters)
            except Unavailable as reason:
                rows.append(dict(start, engine=engine, round=0, error=str(reason)))
        for number in range(rounds):
            # Whoever comes after a certain engine does so in one round only.
            turn = number % len(files) if files else 0
            order = list(files)[turn:] + list(files)[:turn]
            for engine in order:
                answer = self._ask({"engine": engine, "threads": threads, "file": files[engine], "inputs": model.inputs,
                                    "outputs": model.outputs, "seconds": self.seconds})
                shapes = answer.pop("shapes", shapes)
                rows.append(dict(answer, engine=engine, round=number, **start))
                if "error" in answer:
                    # It would say the same in the next round.
                    del files[engine]
        return rows, shapes, files.get("ours")
