"""The converter and the tools of mslite as programs, with the libraries that they need beside them."""
import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def tool(name: str) -> str:
    """The path of "converter_lite" or "mslite"; ImportError for others."""
    path = os.path.join(_FOLDER, "bin", name)
    if not os.path.exists(path):
        raise ImportError(f"mslite_tools has no {name}")
    return path


def _run(name: str, program: str) -> None:
    os.execv(tool(program), [name, *sys.argv[1:]])


def converter_lite() -> None:
    _run("converter_lite", "converter_lite")


def mslite() -> None:
    _run("mslite", "mslite")


def benchmark() -> None:
    """The program mslite under this name is the original's benchmark."""
    _run("benchmark", "mslite")
