#!/usr/bin/env python3
"""fetch.py PACKAGE==VERSION SHA256 PATH TARGET: writes the file PATH of a PyPI package's wheel to TARGET.

The hash is the file's own: whatever the package's archive is like, another content is refused. Nothing is installed.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile


def main(package: str, sha256: str, path: str, target: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--only-binary=:all:", "--dest", folder, package],
            check=True,
        )
        [wheel] = os.listdir(folder)
        with zipfile.ZipFile(os.path.join(folder, wheel)) as archive:
            try:
                content = archive.read(path)
            except KeyError:
                sys.exit(f"fetch: {wheel} has no file {path}")
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        sys.exit(f"fetch: {path} of {wheel} has SHA-256 {found} instead of {sha256}")
    os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
    # Complete or not at all: a target that is there counts as made.
    with open(target + ".part", "wb") as file:
        file.write(content)
    os.replace(target + ".part", target)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
