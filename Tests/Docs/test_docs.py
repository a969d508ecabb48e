#!/usr/bin/env python3
"""test_docs.py MKDOCS: builds the documentation as `make docs` does, runs the commands of its pages, and looks up the error texts that
docs/troubleshooting.md explains. Run in the top folder, with a built library.

Commands are the blocks of a page that begin with ```sh; they run in the order of the page, in one shell, in a folder that looks like the
top folder. A block that begins with ```c NAME is the file NAME there."""

import glob
import os
import re
import subprocess
import sys
import tempfile

PAGES_WITH_COMMANDS = ["index.md", "migration.md"]
results = []


def check(text, good, detail=""):
    results.append(bool(good))
    if not good:
        print(f"FAIL {text}\n{detail}")


def blocks(page):
    """The fenced blocks of a page: what stands behind the fence, and the lines."""
    with open(os.path.join("docs", page)) as f:
        return re.findall(r"^```([^\n]*)\n(.*?)^```$", f.read(), re.M | re.S)


def run_commands(page):
    script = ["set -eu"]
    with tempfile.TemporaryDirectory() as folder:
        for name in os.listdir("."):
            os.symlink(os.path.abspath(name), os.path.join(folder, name))
        for head, body in blocks(page):
            if head == "sh":
                script.append(body)
            elif head.startswith("c "):
                with open(os.path.join(folder, head.split()[1]), "w") as f:
                    f.write(body)
        # The commands are a user's: variables of this run are not theirs.
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        p = subprocess.run(["bash", "-c", "\n".join(script)], cwd=folder, env=environment, capture_output=True, text=True, timeout=900)
        check(f"the commands of docs/{page}", p.returncode == 0, p.stdout[-1500:] + p.stderr[-1500:])
        return p.stdout


def site(mkdocs):
    p = subprocess.run([mkdocs, "build", "--strict", "-q", "-f", "docs/mkdocs.yml"], capture_output=True, text=True)
    check("mkdocs has nothing to complain of", p.returncode == 0 and not p.stderr.strip(), p.stderr)
    p = subprocess.run(["doxygen", "docs/Doxyfile"], capture_output=True, text=True)
    check("doxygen has nothing to complain of", p.returncode == 0 and not p.stderr.strip(), p.stderr[-2000:])
    check("the reference has every function", os.path.exists("build/docs/reference/model_8h.html"))
    for page in glob.glob("docs/*.md"):
        html = os.path.join("build/docs", os.path.basename(page)[:-3] + ".html")
        check(f"{page} is in the site", os.path.exists(html))


def named_files():
    """Paths of the repository that the pages and the README name in code are there."""
    for page in sorted(glob.glob("docs/*.md")) + ["README.md"]:
        with open(page) as f:
            text = f.read()
        for path in set(re.findall(r"`((?:docs|Sources|Tests|examples|include|mk|cmake|bindings)/[\w./-]*\w)`", text)):
            check(f"{page}: {path}", os.path.exists(path))


def error_texts():
    sources = ""
    for path in glob.glob("Sources/**/*.swift", recursive=True):
        with open(path) as f:
            sources += f.read()
    with open("docs/troubleshooting.md") as f:
        rows = re.findall(r"^\| `([^`]+)` \|", f.read(), re.M)
    check("troubleshooting.md has rows", len(rows) >= 15, str(len(rows)))
    for row in rows:
        for part in row.split("…"):
            part = part.strip(" ;,.")
            if len(part) > 3:
                check(f"docs/troubleshooting.md: no error says \"{part}\"", part in sources)


def main():
    site(sys.argv[1])
    named_files()
    error_texts()
    for page in PAGES_WITH_COMMANDS:
        print(run_commands(page))
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
