#!/bin/bash
# Installs the library, moves the installed tree, and builds and runs programs against it in every documented way: CMake and
# pkg-config, shared and static, and under the name that OpenHarmony's programs are linked with.
set -u
cd "$(dirname "$0")/../.."
here=$PWD/Tests/Packaging
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
# check WHAT COMMAND...: its output is shown when it fails.
check() {
  local what=$1
  shift
  if "$@" > "$work/log" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $what"
    cat "$work/log"
  fi
}

make --no-print-directory install PREFIX="$work/installed" > "$work/log" 2>&1 || {
  cat "$work/log"
  echo "0 passed, 1 failed"
  exit 1
}
mkdir "$work/elsewhere"
mv "$work/installed" "$work/elsewhere/moved"
prefix=$work/elsewhere/moved
check "a path of the build is in the installed files" test -z "$(grep -rIl -e "$work/installed" -e "$PWD" "$prefix")"

# pkg-config: shared, static, and the example.
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
check "pkg-config version" pkg-config --exact-version="$(sed -n 's/^VERSION := //p' mk/version.mk)" mslite
check "compile with pkg-config" gcc -std=c99 "$here/consumer.c" -o "$work/consumer" $(pkg-config --cflags --libs mslite)
check "run the program of pkg-config" env LD_LIBRARY_PATH="$prefix/lib" "$work/consumer"
check "link the archive" gcc -std=c99 "$here/consumer.c" -o "$work/static" $(pkg-config --cflags mslite) \
  "$prefix/lib/libmslite.a" -lm
check "run the statically linked program" "$work/static"
check "it needs no libmslite.so" test -z "$(readelf -d "$work/static" | grep libmslite)"
check "compile as C++" g++ -std=c++11 -x c++ "$here/consumer.c" -o "$work/consumer++" $(pkg-config --cflags --libs mslite)
check "run the C++ program" env LD_LIBRARY_PATH="$prefix/lib" "$work/consumer++"
check "link under OpenHarmony's name" gcc -std=c99 "$here/consumer.c" -o "$work/ndk" $(pkg-config --cflags mslite) \
  -L"$prefix/lib" -lmindspore_lite_ndk
check "run it" env LD_LIBRARY_PATH="$prefix/lib" "$work/ndk"
for example in classify face_landmarks; do
  check "build $example with pkg-config" make -C examples/$example -B OUT="$work/examples" "$work/examples/$example" \
    MSLITE_CFLAGS="$(pkg-config --cflags mslite mslite_image)" MSLITE_LIBS="$(pkg-config --libs mslite mslite_image)"
done

# The Neural Network Runtime: linked with either library, and with drivers in the installed folder.
nnrt_flags=$(pkg-config --cflags --libs mslite-nnrt)
drivers=$(pkg-config --variable=driverdir mslite-nnrt)
model=examples/nnrt_build_model/build_model.c
check "build a driver" gcc -std=c99 -shared -fPIC -fvisibility=hidden Tests/C/nnrt/driver_test.c -o "$drivers/test.so" $nnrt_flags -lm
check "compile for NNRt" gcc -std=c99 $model -o "$work/nnrt" $nnrt_flags
check "compile for one of its libraries" gcc -std=c99 $model -o "$work/nnrt_core" -I"$prefix/include" -L"$prefix/lib" -lneural_network_core
check "compile for the other one" gcc -std=c99 $model -o "$work/nnrt_runtime" -I"$prefix/include" -L"$prefix/lib" -lneural_network_runtime
for program in nnrt nnrt_core nnrt_runtime; do
  check "run $program with a driver of the folder" env LD_LIBRARY_PATH="$prefix/lib" "$work/$program" Device-CPU
done
finds_none() { ! env LD_LIBRARY_PATH="$prefix/lib" MSLITE_NNRT_DRIVERS= "$work/nnrt"; }
check "MSLITE_NNRT_DRIVERS comes before the folder" finds_none
# The image library.
check "compile with mslite_image" gcc -std=c99 "$here/picture.c" -o "$work/picture" $(pkg-config --cflags --libs mslite_image)
check "compile with image.hpp" g++ -std=c++17 "$here/picture.cpp" -o "$work/picture++" $(pkg-config --cflags --libs mslite_image)
check "run that without libmslite.so" env LD_LIBRARY_PATH="$prefix/lib" "$work/picture++"
check "run it without libmslite.so" env LD_LIBRARY_PATH="$prefix/lib" "$work/picture"
check "it needs no libmslite.so" test -z "$(readelf -d "$work/picture" "$prefix/lib/libmslite_image.so" | grep -F '[libmslite.so')"

# CMake: shared and static, and versions that must be refused.
check "configure" cmake -S "$here" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix"
check "build with CMake" cmake --build "$work/cmake"
check "run the CMake program" "$work/cmake/consumer"
check "run the static CMake program" "$work/cmake/consumer_static"
check "run the CMake program for NNRt" "$work/cmake/consumer_nnrt" Device-CPU
check "run the CMake program of the image library" "$work/cmake/picture"
refuses() { ! cmake -S "$here" -B "$work/cmake-$1" -DCMAKE_PREFIX_PATH="$prefix" -DWANTED="$1"; }
check "version 99 is refused" refuses 99
check "version 0.9 is refused" refuses 0.9
check "a newer minor version is refused" refuses 1.99

# DESTDIR puts the tree elsewhere without a trace in the files.
check "install with DESTDIR" make --no-print-directory install PREFIX=/usr LIBDIR=/usr/lib/multiarch DESTDIR="$work/root"
check "the files are there" test -e "$work/root/usr/lib/multiarch/cmake/mslite/msliteConfig.cmake" -a \
  -e "$work/root/usr/include/mindspore/model.h" -a -L "$work/root/usr/lib/multiarch/libmslite.so"
check "DESTDIR is not in the files" test -z "$(grep -rIl "$work/root" "$work/root")"
check "pkg-config finds the headers through the deeper folder" \
  test "$(PKG_CONFIG_PATH=$work/root/usr/lib/multiarch/pkgconfig pkg-config --variable=includedir mslite | xargs realpath)" = \
  "$work/root/usr/include"

echo "$passed passed, $failed failed"
[ $failed = 0 ]
