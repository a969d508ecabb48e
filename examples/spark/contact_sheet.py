"""contact_sheet.py PICTURES RESULTS TARGET: draws the table's last pictures with what was found in them."""

import io
import sys
import textwrap

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

COLUMNS, ROWS, WIDTH, HEIGHT, CAPTION = 5, 4, 240, 180, 40


def main(pictures, results, target):
    table = pd.read_parquet(pictures).merge(pd.read_parquet(results), on="name").sort_values("name", key=lambda names: names.str[-8:])
    sheet = Image.new("RGB", (COLUMNS * WIDTH, ROWS * (HEIGHT + CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    for place, row in enumerate(table.tail(COLUMNS * ROWS).itertuples()):
        left, top = place % COLUMNS * WIDTH, place // COLUMNS * (HEIGHT + CAPTION)
        if row.error is None:
            image = Image.open(io.BytesIO(row.jpeg))
            image.thumbnail((WIDTH - 8, HEIGHT - 8))
            sheet.paste(image, (left + (WIDTH - image.width) // 2, top + HEIGHT - image.height))
            draw.text((left + WIDTH / 2, top + HEIGHT + 4), f"{row.label}  {row.score:.0%}", "black", font, "ma")
        else:
            text = "\n".join(textwrap.wrap(row.error, 24))
            draw.text((left + WIDTH / 2, top + HEIGHT / 2), text, "firebrick", font, "mm", align="center")
    sheet.save(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
