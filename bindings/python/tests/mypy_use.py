"""What a program writes, for mypy: checked, not run."""
import numpy as np
import numpy.typing as npt

import mslite
from mslite import image


def use(pixels: "npt.NDArray[np.float32]") -> float:
    context = mslite.Context(threads=2)
    context.cpu.precision_mode = "preferred_fp16"
    with mslite.Model("model.ms", context) as model:
        results = model.predict([pixels])
        [prob] = model.run(["prob"], {"data": pixels})
        model.resize({"data": (1, 48, 48, 3)})
        names: "list[str]" = [tensor.name for tensor in model.inputs]
    with mslite.TrainingModel(b"", loss_names=["loss"]) as training:
        training.learning_rate = 0.1
        loss = training.train_step({"x": pixels})[0]
    about: "dict[str, object]" = mslite.inspect(mslite.convert("a.onnx", "a"))
    photo = image.convert(image.read("a.png", format="bgr"), "bgr", "rgb")
    boxed, placement = image.letterbox(photo, 48, 48, value=(1, 2, 3))
    image.draw_text(photo, placement.left, 0, "a", 255)
    results += model.predict([image.normalize(boxed, 1 / 255, layout="chw")])
    image.resize(photo, 1, 1, "cubic")  # type: ignore[arg-type]
    return float(results[0][0]) + float(prob[0]) + float(loss) + len(names) + len(about)
