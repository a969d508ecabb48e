#!/bin/bash
# setup.sh GROUP...: makes sure that what the named targets need is there. Missing Debian packages are installed when this runs
# as root or sudo asks for no password; otherwise they are named and the script fails.
#   build  the library      demo  examples/classify      aarch64  cross compiler and emulator      fuzz  libFuzzer
#   tools  the converter: its schemas' compiler      bench  Python      node  the package for Node.js
#   docs   the documentation as a site      spark  Java, for examples/spark
#   test   everything that make test uses
set -eu

swiftc=${SWIFTC:-swiftc}
if ! command -v "$swiftc" > /dev/null; then
  echo "setup: no Swift compiler on the path. Install Swift 6.3 (swift.org/install) or name it: make SWIFTC=/where/usr/bin/swiftc" >&2
  exit 1
fi
version=$("$swiftc" --version 2> /dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p')
if [ "$(printf '%s\n6.3\n' "$version" | sort -V | head -n 1)" != 6.3 ]; then
  echo "setup: $swiftc is Swift ${version:-unknown}; 6.3 or newer is needed" >&2
  exit 1
fi

missing=()
# need PACKAGE COMMAND...: the package is missing when the command fails.
need() {
  local package=$1
  shift
  "$@" > /dev/null 2>&1 || missing+=("$package")
}
has() { command -v "$1"; }
libcrypto() { python3 -c 'import ctypes; ctypes.CDLL("libcrypto.so.3")' || python3 -c 'import ctypes; ctypes.CDLL("libcrypto.so.1.1")'; }
links() { echo 'int main(void){return 0;}' | "${CC:-gcc}" -x c - "$@" -o /dev/null; }

build() {
  need gcc has gcc
  need binutils has objcopy
  need libc6-dev links -lm
}
demo() {
  need libpng-dev links -include png.h -lpng
  need libjpeg62-turbo-dev links -include stdio.h -include jpeglib.h -ljpeg
}
tools() { need protobuf-compiler has protoc; }
aarch64() {
  need gcc-aarch64-linux-gnu has aarch64-linux-gnu-gcc
  need libc6-dev-arm64-cross test -e /usr/aarch64-linux-gnu/include/stdio.h
  need qemu-user has qemu-aarch64
}
fuzz() {
  # The toolchain's clang has libFuzzer; linking it needs the C++ library.
  need g++ has g++
}
bench() {
  need python3 has python3
  need python3-venv python3 -c 'import ensurepip, venv'
}
docs() {
  bench
  need doxygen has doxygen
}
spark() {
  bench
  need default-jre-headless has java
}
node() {
  need nodejs has node
  need npm has npm
  # The headers of Node-API: beside the program, wherever it is from.
  need libnode-dev sh -c 'test -e "$(dirname "$(realpath "$(command -v node)")")/../include/node/node_api.h"'
}
test_() {
  fuzz
  docs
  node
  spark
  need node-typescript has tsc
  [ "$(uname -m)" = aarch64 ] || aarch64
  need cmake has cmake
  need pkg-config has pkg-config
  # The page of examples/web.
  need chromium has chromium
  need chromium-driver has chromedriver
  # Encrypted models: any package that brings libcrypto will do.
  need openssl libcrypto
}

for group in "$@"; do
  case $group in
    test) test_ ;;
    build | demo | tools | bench | node | spark | aarch64 | fuzz | docs) "$group" ;;
    *) echo "setup: unknown group $group" >&2; exit 2 ;;
  esac
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "setup: missing: ${missing[*]}"
if [ "$(id -u)" = 0 ]; then
  as_root=()
elif command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
  as_root=(sudo -n)
else
  echo "setup: install them with: apt-get install ${missing[*]}" >&2
  exit 1
fi
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" > /dev/null 2>&1 || {
  # The package lists may be absent or old.
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}
