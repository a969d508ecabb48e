#!/usr/bin/env python3
"""make_wheels.py LIBRARIES FOLDER [TOOLS]: writes the wheel `mslite` with libmslite.so and bundled/libmslite_image.so of LIBRARIES into
FOLDER, and with TOOLS, a folder that holds converter_lite and mslite, the wheel `mslite_tools`.

A wheel's platform tag says the oldest glibc that has every symbol which its binaries need.
"""
import base64
import csv
import hashlib
import io
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VERSION = re.search(r"VERSION := (\S+)", (ROOT / "mk/version.mk").read_text()).group(1)
# What every Linux with Python has; the rest goes into the wheel.
SYSTEM = re.compile(r"linux-vdso|ld-linux|lib(c|m|pthread|dl|rt|z|stdc\+\+|gcc_s)\.so")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def tag(binaries):
    """manylinux_2_NN of binaries."""
    minors = [int(m) for b in binaries for m in re.findall(r"GLIBC_2\.(\d+)", output("objdump", "-T", b))]
    return f"py3-none-manylinux_2_{max(minors)}_{platform.machine()}"


def write(folder, name, summary, files, binaries, requires=(), scripts=()):
    """files: where in the wheel -> the file."""
    wheel_tag = tag(binaries)
    info = f"{name}-{VERSION}.dist-info"
    readme = (HERE / "README.md").read_text()
    metadata = [
        "Metadata-Version: 2.1", f"Name: {name}", f"Version: {VERSION}", f"Summary: {summary}", "Requires-Python: >=3.9",
        *[f"Requires-Dist: {r}" for r in requires], "Description-Content-Type: text/markdown", "", readme,
    ]
    texts = {
        f"{info}/METADATA": "\n".join(metadata),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: make_wheels\nRoot-Is-Purelib: false\nTag: {wheel_tag}\n",
    }
    if scripts:
        texts[f"{info}/entry_points.txt"] = "[console_scripts]\n" + "".join(f"{s} = {name}:{s}\n" for s in scripts)
    path = pathlib.Path(folder) / f"{name}-{VERSION}-{wheel_tag}.whl"
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as wheel:

        def add(where, data, mode):
            # A fixed date: the same sources give the same wheel.
            entry = zipfile.ZipInfo(where, (2026, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100000 | mode) << 16
            wheel.writestr(entry, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.writerow([where, f"sha256={digest}", len(data)])

        for where, file in sorted(files.items()):
            add(where, pathlib.Path(file).read_bytes(), 0o755 if os.access(file, os.X_OK) else 0o644)
        for where, text in texts.items():
            add(where, text.encode(), 0o644)
        rows.writerow([f"{info}/RECORD", "", ""])
        wheel.writestr(f"{info}/RECORD", record.getvalue())
    print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")


def library_wheel(library, image_library, folder):
    files = {f"mslite/{p.name}": p for p in (HERE / "mslite").iterdir() if p.suffix in (".py", ".typed")}
    files |= {"mslite/libmslite.so": library, "mslite/libmslite_image.so": image_library, "mslite/CODECS.txt": HERE.parent / "CODECS.txt"}
    write(folder, "mslite", "On-device inference and training with MindSpore Lite's .ms models", files, [library, image_library], ["numpy"])


def tools_wheel(tools, library, folder):
    with tempfile.TemporaryDirectory() as work:
        programs = [os.path.join(work, name) for name in ("converter_lite", "mslite")]
        for program in programs:
            subprocess.run(["strip", "-o", program, os.path.join(tools, os.path.basename(program))], check=True)
        # ldd reads the originals, whose run path says where they have been linked.
        needed = {}
        for program in programs:
            for name, path in re.findall(r"(\S+) => (/\S+)", output("ldd", os.path.join(tools, os.path.basename(program)))):
                if not SYSTEM.match(name):
                    needed[name] = path
        # The benchmark loads the library from its own folder.
        files = {"mslite_tools/__init__.py": HERE / "mslite_tools/__init__.py", "mslite_tools/bin/libmslite.so": library,
                 "mslite_tools/CODECS.txt": HERE.parent / "CODECS.txt"}
        # The programs' run path has their own folder in it.
        files |= {f"mslite_tools/bin/{os.path.basename(p)}": p for p in programs}
        files |= {f"mslite_tools/bin/{name}": path for name, path in needed.items()}
        write(folder, "mslite_tools", "The converter and the tools of mslite", files, [*programs, *needed.values()],
              scripts=("converter_lite", "mslite", "benchmark"))


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    os.makedirs(sys.argv[2], exist_ok=True)
    for old in pathlib.Path(sys.argv[2]).glob("mslite*.whl"):
        old.unlink()
    libraries = pathlib.Path(sys.argv[1])
    library = libraries / "libmslite.so"
    [image_library] = (libraries / "bundled").glob("libmslite_image.so.*")
    library_wheel(library, image_library, sys.argv[2])
    if len(sys.argv) == 4:
        tools_wheel(sys.argv[3], library, sys.argv[2])


if __name__ == "__main__":
    main()
