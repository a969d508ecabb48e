#!/bin/bash
# check_library.sh LIBRARY: size, dependencies, sections and symbol versions of a released library.
set -u
library=$1
case $(basename "$library") in
  # With libpng, libjpeg and zlib inside.
  libmslite_image*) limit=1048576 soname=libmslite_image.so.1 ;;
  # With every operator and data type, training and NNRt.
  libmslite*) limit=2097152 soname=libmslite.so.1 ;;
  # The engine's inference, and what training's operators it cannot part with.
  libnnrt_driver_cpu*) limit=2097152 soname=$(basename "$library") ;;
  *) limit=262144 soname=$(basename "$library") ;;
esac
objects=build/obj/$(uname -m)
passed=0
failed=0
check() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $what"
  fi
}

size=$(stat -L -c %s "$library")
echo "size $size bytes"
check "$library has $size bytes; the limit is $limit" test "$size" -lt $limit

needed=$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' ')
echo "needs $needed"
only_libc() { for n in $needed; do case $n in libc.so.6 | libm.so.6 | ld-linux*) ;; *) return 1 ;; esac; done; }
check "needs more than libc and libm: $needed" only_libc

check "soname" grep -q "$soname]" <(readelf -d "$library" | grep SONAME)
check "no text relocations" test -z "$(readelf -d "$library" | grep TEXTREL)"
check "no executable stack" test -z "$(readelf -lW "$library" | grep GNU_STACK | grep E)"
check "no run path" test -z "$(readelf -d "$library" | grep -E 'RPATH|RUNPATH')"
check "arc4random_buf is missing in older libraries" test -z "$(nm -D -u "$library" | grep arc4random)"

# A symbol that only a newer libc has would keep the library from loading elsewhere.
newest=$(objdump -T "$library" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
echo "newest symbol version $newest"
check "needs $newest; Ubuntu 22.04 has 2.35" test "$(printf '%s\nGLIBC_2.35\n' "$newest" | sort -V | tail -n 1)" = GLIBC_2.35

if [ $soname = libmslite.so.1 ]; then
  # Kernels for a newer instruction set must define nothing that the linker may choose for everybody, nor fall back to a library
  # call per element where a vector instruction was meant.
  for object in "$objects"/Kernels*.o; do
    name=$(basename "$object" .o)
    shared=$(nm -g --defined-only "$object" | awk '$3 !~ /^mskernels_/ {print $3}' | head -n 5 | tr '\n' ' ')
    check "$name shares $shared" test -z "$shared"
    [ "$name" = KernelsReference ] || check "$name calls fmaf" test -z "$(nm -u "$object" | grep -w fmaf)"
  done

  static=${library%.so}.a
  names=$(nm -g --defined-only "$static" 2> /dev/null | awk 'NF == 3 && $3 !~ /^(OH_AI_|MSLite_)/')
  check "$static exports $names" test -z "$names"
fi

echo "$passed passed, $failed failed"
[ $failed = 0 ]
