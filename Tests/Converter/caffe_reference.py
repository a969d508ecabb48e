"""Caffe's layers in numpy, written from their definitions, and a writer of binary Caffe files. Used by caffe_models.py."""
import struct

import numpy as np

from wire import field, integer, varint

# ---- the binary file


def blob(array, form="shape"):
    """BlobProto. form: shape, legacy (num, channels, height, width), double, unpacked."""
    array = np.asarray(array)
    if form == "legacy":
        dims = (1,) * (4 - array.ndim) + array.shape
        out = b"".join(integer(i + 1, d) for i, d in enumerate(dims))
    else:
        out = field(7, field(1, b"".join(varint(d) for d in array.shape)))
    if form == "double":
        return out + field(8, array.astype("<f8").tobytes())
    if form == "unpacked":
        return out + b"".join(varint(5 << 3 | 5) + struct.pack("<f", v) for v in array.ravel())
    return out + field(5, array.astype("<f4").tobytes())


def caffemodel(weights, form="shape", v1=False):
    """NetParameter with the blobs of each layer: {layer name: [array, ...]}."""
    out = field(1, b"weights")
    for name, arrays in weights.items():
        if v1:
            out += field(2, field(4, name.encode()) + b"".join(field(6, blob(a, form)) for a in arrays))
        else:
            out += field(100, field(1, name.encode()) + field(2, b"Any") + b"".join(field(7, blob(a, form)) for a in arrays))
    return out


# ---- the layers


def convolution(x, w, bias=None, stride=(1, 1), pad=(0, 0), dilation=(1, 1), group=1):
    n, _, h, width = x.shape
    o, ig, kh, kw = w.shape
    oh = (h + 2 * pad[0] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (width + 2 * pad[1] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad[0],) * 2, (pad[1],) * 2))
    y = np.zeros((n, o, oh, ow))
    for k in range(o):
        g = k // (o // group)
        part = padded[:, g * ig:(g + 1) * ig]
        for i in range(oh):
            for j in range(ow):
                top, left = i * stride[0], j * stride[1]
                window = part[:, :, top:top + dilation[0] * (kh - 1) + 1:dilation[0], left:left + dilation[1] * (kw - 1) + 1:dilation[1]]
                y[:, k, i, j] = (window * w[k]).sum((1, 2, 3))
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def deconvolution(x, w, bias=None, stride=(1, 1), pad=(0, 0), dilation=(1, 1), group=1):
    """The gradient of convolution: every pixel adds its multiple of the kernel. w: [in, out / group, kh, kw]."""
    n, c, h, width = x.shape
    _, og, kh, kw = w.shape
    full = np.zeros((n, og * group, stride[0] * (h - 1) + dilation[0] * (kh - 1) + 1, stride[1] * (width - 1) + dilation[1] * (kw - 1) + 1))
    for k in range(c):
        g = k // (c // group)
        for i in range(h):
            for j in range(width):
                for a in range(kh):
                    for b in range(kw):
                        full[:, g * og:(g + 1) * og, i * stride[0] + a * dilation[0], j * stride[1] + b * dilation[1]] += (
                            x[:, k, i, j, None] * w[k, :, a, b])
    y = full[:, :, pad[0]:full.shape[2] - pad[0], pad[1]:full.shape[3] - pad[1]]
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def pooled_size(size, kernel, stride, pad, ceil):
    span = size + 2 * pad - kernel
    out = (-(-span // stride) if ceil else span // stride) + 1
    if pad and (out - 1) * stride >= size + pad:
        out -= 1
    return out


def pooling(x, kernel, stride=(1, 1), pad=(0, 0), mean=False, ceil=True):
    n, c, h, w = x.shape
    oh, ow = (pooled_size(s, kernel[i], stride[i], pad[i], ceil) for i, s in ((0, h), (1, w)))
    y = np.zeros((n, c, oh, ow))
    for i in range(oh):
        for j in range(ow):
            top, left = i * stride[0] - pad[0], j * stride[1] - pad[1]
            bottom, right = min(top + kernel[0], h + pad[0]), min(left + kernel[1], w + pad[1])
            divisor = (bottom - top) * (right - left)
            window = x[:, :, max(top, 0):min(bottom, h), max(left, 0):min(right, w)]
            y[:, :, i, j] = window.sum((2, 3)) / divisor if mean else window.max((2, 3))
    return y


def lrn_channels(x, size, alpha, beta, k):
    c = x.shape[1]
    y = np.zeros_like(x, dtype=np.float64)
    for i in range(c):
        window = x[:, max(0, i - size // 2):min(c, i + size // 2 + 1)]
        y[:, i] = x[:, i] * (k + alpha / size * (window ** 2).sum(1)) ** -beta
    return y


def interpolate(x, height, width):
    """Bilinear, corner pixels on corner pixels."""
    h, w = x.shape[2:]
    y = np.zeros(x.shape[:2] + (height, width))
    for i in range(height):
        for j in range(width):
            r = i * (h - 1) / (height - 1) if height > 1 else 0.0
            s = j * (w - 1) / (width - 1) if width > 1 else 0.0
            a, b = int(r), int(s)
            a1, b1, u, v = min(a + 1, h - 1), min(b + 1, w - 1), r - a, s - b
            y[:, :, i, j] = ((1 - u) * ((1 - v) * x[:, :, a, b] + v * x[:, :, a, b1])
                             + u * ((1 - v) * x[:, :, a1, b] + v * x[:, :, a1, b1]))
    return y


def prior_boxes(map_hw, image_hw, min_sizes, max_sizes, ratios, variances, flip, clip, step, offset):
    all_ratios = [1.0]
    for r in ratios:
        if all(abs(r - q) >= 1e-6 for q in all_ratios):
            all_ratios += [r, 1 / r] if flip else [r]
    boxes = []
    for row in range(map_hw[0]):
        for column in range(map_hw[1]):
            step_h, step_w = (step, step) if step else (image_hw[0] / map_hw[0], image_hw[1] / map_hw[1])
            cx, cy = (column + offset) * step_w, (row + offset) * step_h
            for i, size in enumerate(min_sizes):
                sizes = [(size, size)]
                if max_sizes:
                    sizes.append(((size * max_sizes[i]) ** 0.5,) * 2)
                sizes += [(size * r ** 0.5, size / r ** 0.5) for r in all_ratios if abs(r - 1) >= 1e-6]
                for w, h in sizes:
                    boxes += [(cx - w / 2) / image_hw[1], (cy - h / 2) / image_hw[0], (cx + w / 2) / image_hw[1], (cy + h / 2) / image_hw[0]]
    boxes = np.array(boxes)
    if clip:
        boxes = boxes.clip(0, 1)
    return np.stack([boxes, np.tile(variances, len(boxes) // 4)])[None]
