#!/bin/sh
# Compiles every public header alone, and all together in both orders, as C99 and C++11 with gcc and clang, warnings as errors.
# Usage: check_headers.sh [INCLUDE_DIR]; CLANG names the clang to use.
here=$(cd "$(dirname "$0")" && pwd)
include=${1:-$here/../../include}
clang=${CLANG:-/opt/swift/usr/bin/clang}
headers="mindspore/types.h mindspore/status.h mindspore/data_type.h mindspore/format.h mindspore/tensor.h mindspore/context.h
mindspore/model.h mslite/extensions.h neural_network_runtime/neural_network_runtime_type.h
neural_network_runtime/neural_network_core.h neural_network_runtime/neural_network_runtime.h mslite/nnrt_driver.h mslite/image.h"
passed=0
failed=0

reversed=""
all=""
for h in $headers; do
  all="$all#include \"$h\"
"
  reversed="#include \"$h\"
$reversed"
done

check() { # description, source, compiler and flags
  what=$1
  text=$2
  shift 2
  if printf '%s\nextern int mslite_check_unit;\n' "$text" | "$@" -Wall -Wextra -Wpedantic -Werror -I "$include" -fsyntax-only -; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $what with $*"
  fi
}

check_all() {
  for h in $headers; do check "$h" "#include \"$h\"" "$@"; done
  check "all headers" "$all" "$@"
  check "all headers reversed" "$reversed" "$@"
  check "all headers twice" "$all$all" "$@"
}

check_all gcc -std=c99 -x c
check_all g++ -std=c++11 -x c++
if command -v "$clang" >/dev/null; then
  check_all "$clang" -std=c99 -x c
  check_all "$clang" -std=c++11 -x c++
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
