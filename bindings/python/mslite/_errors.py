"""What can go wrong, as exceptions with the engine's own text."""
from __future__ import annotations

from typing import Callable

from . import _library

_NAMES = {
    0xFFFFFFFF: "LITE_ERROR",
    0xFFFFFFFE: "LITE_NULLPTR",
    0xFFFFFFFD: "LITE_PARAM_INVALID",
    0xFFFFFFFC: "LITE_NO_CHANGE",
    0xFFFFFFFB: "LITE_SUCCESS_EXIT",
    0xFFFFFFFA: "LITE_MEMORY_FAILED",
    0xFFFFFFF9: "LITE_NOT_SUPPORT",
    0xFFFFFFF8: "LITE_THREADPOOL_ERROR",
    0xFFFFFFF7: "LITE_UNINITIALIZED_OBJ",
    0xFFFFFFF4: "LITE_MODEL_REBUILD",
    0xFFFFFF9C: "LITE_OUT_OF_TENSOR_RANGE",
    0xFFFFFF9B: "LITE_INPUT_TENSOR_ERROR",
    0xFFFFFF9A: "LITE_REENTRANT_ERROR",
    0xFFFFFF38: "LITE_GRAPH_FILE_ERROR",
    0xFFFFFED4: "LITE_NOT_FIND_OP",
    0xFFFFFED3: "LITE_INVALID_OP_NAME",
    0xFFFFFED2: "LITE_INVALID_OP_ATTR",
    0xFFFFFED1: "LITE_OP_EXECUTE_FAILURE",
    0xFFFFFE70: "LITE_FORMAT_ERROR",
    0xFFFFFE0C: "LITE_INFER_ERROR",
    0xFFFFFE0B: "LITE_INFER_INVALID",
    0xFFFFFDA8: "LITE_INPUT_PARAM_INVALID",
    0xFFFFFD44: "LITE_AIPP_NOT_SUPPORTED",
    0xFFFFFD43: "LITE_AIPP_INFER_ERROR",
}


class Error(RuntimeError):
    """Something that the engine or this package has refused.

    ``status`` is the C interface's code (0 for what never reached it), ``status_name`` its name.
    """

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status

    @property
    def status_name(self) -> str:
        return _NAMES.get(self.status, "" if self.status == 0 else f"0x{self.status:08X}")


class ArgumentError(Error, ValueError):
    """An argument has a value that is not accepted."""


class InputError(Error, ValueError):
    """Inputs or outputs have the wrong number, name, shape or size."""


class InputTypeError(Error, TypeError):
    """An input or output has another element type than the model's, or is no array at all."""


class BuildError(Error):
    """A file or bytes are no model that can run here."""


class ClosedError(Error):
    """The model was closed."""


class BusyError(Error):
    """The model is running: a callback has asked it for something else."""


class NotSupportedError(Error, NotImplementedError):
    """This library or machine cannot do what was asked."""


class OutOfMemoryError(Error, MemoryError):
    """Memory ran out."""


class ToolError(Error):
    """A command-line tool is missing or has failed; the text is what it printed."""


_CLASSES: "dict[int, type[Error]]" = {
    0xFFFFFFFD: ArgumentError,
    0xFFFFFDA8: InputError,
    0xFFFFFF9B: InputError,
    0xFFFFFE70: InputError,
    0xFFFFFFFA: OutOfMemoryError,
    0xFFFFFFF9: NotSupportedError,
    0xFFFFFD44: NotSupportedError,
}


def check(status: int, default: "type[Error]" = Error, last_error: "Callable[[], str]" = _library.last_error) -> None:
    """Raises what this thread's last call has failed with."""
    if status != 0:
        raise _CLASSES.get(status, default)(last_error(), status)
