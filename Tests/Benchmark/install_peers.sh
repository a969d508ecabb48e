#!/bin/bash
# install_peers.sh DIR [ENGINE...]: installs the engines that `make bench PEERS=DIR` compares with, each into a Python environment of
# its own under DIR; without names, all of them. What cannot be installed is said and left out; removing DIR removes everything.
#   PYTHON    the interpreter for all but MindSpore Lite (python3)
#   PYTHON37  one of version 3.7, the only one that MindSpore Lite's public package is made for; otherwise pyenv's or python3.7 is
#             taken where there is one
set -u

engines="msl litert ort ov mnn ncnn"
dir=${1:-}
if [ -z "$dir" ]; then
  echo "usage: install_peers.sh DIR [$(echo $engines | tr ' ' '|')]..." >&2
  exit 2
fi
shift
mkdir -p "$dir" || exit 1
python=${PYTHON:-python3}

# environment NAME INTERPRETER
environment() { [ -x "$dir/$1/bin/python" ] || "$2" -m venv "$dir/$1"; }
# packages NAME WHAT-PIP-TAKES...
packages() {
  local name=$1
  shift
  "$dir/$name/bin/pip" install --quiet --disable-pip-version-check --only-binary=:all: "$@"
}

python37() {
  local candidate
  for candidate in ${PYTHON37:+"$PYTHON37"} "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.7.*/bin/python python3.7; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 7))' 2> /dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

install_litert() { environment litert "$python" && packages litert ai-edge-litert==2.3.0 numpy; }
install_ort() { environment ort "$python" && packages ort onnxruntime==1.31.1 numpy; }
install_ov() { environment ov "$python" && packages ov openvino==2026.4.1 numpy; }
install_mnn() { environment mnn "$python" && packages mnn MNN==3.6.1 numpy; }
# pnnx, the converter to ncnn's format, asks for PyTorch; converting ONNX files works without.
install_ncnn() { environment ncnn "$python" && packages ncnn ncnn==1.0.20261020 numpy && packages ncnn --no-deps pnnx; }
install_msl() {
  local interpreter
  if ! interpreter=$(python37); then
    echo "there is no Python 3.7 (pyenv install 3.7 gets one); name one with PYTHON37=" >&2
    return 1
  fi
  environment msl "$interpreter" && packages msl mindspore-lite==2.0.0 numpy && return
  # The pip that comes with 3.7 may be too old for the index: a newer one fetches the package.
  rm -f "$dir"/mindspore_lite-*.whl
  "$python" -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.7 --implementation cp \
    --platform manylinux1_x86_64 --dest "$dir" mindspore-lite==2.0.0 && packages msl "$dir"/mindspore_lite-*.whl numpy
}

installed=()
left_out=()
for engine in ${*:-$engines}; do
  if ! declare -F "install_$engine" > /dev/null; then
    echo "install_peers: no engine $engine; there are: $engines" >&2
    exit 2
  fi
  echo "install_peers: $engine"
  if "install_$engine"; then
    installed+=("$engine")
  else
    # Half an environment would count as an engine.
    rm -rf "${dir:?}/$engine"
    left_out+=("$engine")
  fi
done
echo "installed: ${installed[*]:-none}; left out: ${left_out[*]:-none}"
[ ${#installed[@]} -gt 0 ]
