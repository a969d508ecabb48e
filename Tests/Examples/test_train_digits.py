"""examples/train_digits learns, its exported model has what it has learnt, and the picture shows each mistake."""

import re

import numpy as np


def test_accuracy_and_picture(run_example, drawn):
    text = run_example("train_digits")
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+),", text)]
    assert len(losses) == 20 and losses[-1] < losses[0] / 20, text
    last = float(re.search(r"epoch 20: .* accuracy ([\d.]+) %", text)[1])
    exported = float(re.search(r"digits\.ms: test accuracy ([\d.]+) %", text)[1])
    assert exported == last and exported >= 98, text

    # 352 of 359 digits fill batches of 8; cells of 58 x 44 pixels, 22 in a row.
    cells = drawn("train_digits").astype(int)[8 - 4:8 - 4 + 16 * 44, 8 - 4:8 - 4 + 22 * 58].reshape(16, 44, 22, 58, 3).transpose(0, 2, 1, 3, 4).reshape(352, 44, 58, 3)
    # The numbers stand right of the digits.
    numbers = cells[:, :, 40:]

    def has(color) -> np.ndarray:
        return (numbers == color).all(axis=3).any(axis=(1, 2))

    assert has((30, 130, 60)).all()
    wrong = has((220, 40, 30))
    assert round(352 * (1 - exported / 100)) == wrong.sum()
    assert ((cells[:, 0, 0] == (255, 215, 210)).all(axis=1) == wrong).all()
    # Ink on paper.
    assert (cells[:, 4:36, 4:36].min(axis=(1, 2, 3)) < 40).all() and (cells[~wrong, 4:36, 4:36].max(axis=(1, 2, 3)) == 255).all()
