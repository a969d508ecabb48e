"""Numbers and counts in words, for both pages."""


def thread_text(threads):
    return "%d thread%s" % (threads, "s" * (threads != 1))


def milliseconds(value):
    """Three digits, which is more than is sure."""
    return "%.3g" % value if value < 1000 else "%.0f" % value


def optional(value, form="%.3g"):
    return "" if value is None else form % value


def percent(share):
    return "" if share is None else "%.0f %%" % (100 * share)
