"""make_pictures.py COUNT TABLE ORIGINAL...: a Parquet table of JPEG pictures, random parts of the originals, some mirrored.

The last picture is cut off in the middle of its file, as transfers sometimes leave them.
"""

import io
import pathlib
import random
import sys

import pyarrow
import pyarrow.parquet
from PIL import Image, ImageOps


def part_of(original, chance):
    """A picture 320 pixels wide, of 70 to 100 % of the original's width and height."""
    share = chance.uniform(0.7, 1)
    width, height = share * original.width, share * original.height
    left, top = chance.uniform(0, original.width - width), chance.uniform(0, original.height - height)
    part = original.resize((320, round(320 * height / width)), Image.Resampling.BICUBIC, (left, top, left + width, top + height))
    return ImageOps.mirror(part) if chance.random() < 0.5 else part


def main(count, table, *paths):
    chance = random.Random(8)
    originals = [(pathlib.Path(path).stem, Image.open(path).convert("RGB")) for path in paths]
    names, jpegs = [], []
    for number in range(int(count)):
        name, original = originals[number % len(originals)]
        file = io.BytesIO()
        part_of(original, chance).save(file, "JPEG", quality=85)
        names.append(f"{name}-{number:04d}.jpg")
        jpegs.append(file.getvalue())
    jpegs[-1] = jpegs[-1][: len(jpegs[-1]) // 2]
    pyarrow.parquet.write_table(pyarrow.table({"name": names, "jpeg": jpegs}), table)


if __name__ == "__main__":
    main(*sys.argv[1:])
