"""Words and numbers that both pages have."""

ROOF = ("A node's roof is the longer of computing its operations and of reading its inputs, weights and outputs once from the nearest "
        "cache that holds them, at the speeds that this machine has shown at the start of the run. Winograd's algorithm does with fewer "
        "operations than are counted and may exceed 100 %.")


def thread_text(threads):
    return "%d thread%s" % (threads, "s" * (threads != 1))


def milliseconds(value):
    """Three digits, which is more than is sure."""
    return "%.3g" % value if value < 1000 else "%.0f" % value


def optional(value, form="%.3g"):
    return "" if value is None else form % value


def percent(share):
    return "" if share is None else "%.0f %%" % (100 * share)


def short(name, limit=48):
    """Names of fused TFLite nodes list all that went into them."""
    return name if len(name) <= limit else name[:limit - 3] + "..."
