#!/bin/bash
# bench.sh: what `make bench` runs; see docs/performance.md. Environment:
#   PEERS    folder of engines to compare with, made by Tests/Benchmark/install_peers.sh; none: ours alone
#   MODELS   folder of models instead of Tests/Models
#   THREADS  numbers of threads ("1 2")
#   ROUNDS   how often each engine runs (3)
#   ONLY     only models whose name contains this
#   PYTHON   the interpreter for our engine (python3)
set -eu
cd "$(dirname "$0")/.."

out=build/bench
python=${PYTHON:-python3}
mkdir -p $out
if ! "$python" -c 'import numpy' 2> /dev/null; then
  [ -x $out/venv/bin/python ] || "$python" -m venv $out/venv
  $out/venv/bin/pip install --quiet --disable-pip-version-check numpy
  python=$out/venv/bin/python
fi
exec "$python" -B Tests/Benchmark/bench.py --output $out ${PEERS:+--peers "$PEERS"} ${MODELS:+--models "$MODELS"} \
  ${THREADS:+--threads "$THREADS"} ${ROUNDS:+--rounds "$ROUNDS"} ${ONLY:+--only "$ONLY"}
