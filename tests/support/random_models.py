"""Small int8 models with random shapes, scales and options, one operator (or a short chain) each; seeded."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from tflite_builder import ModelBuilder

Random = np.random.RandomState


def _fused(r: Random) -> str:
    return str(r.choice(["none", "relu", "relu6", "relu_n1_to_1"], p=[0.4, 0.3, 0.2, 0.1]))


def _zero(r: Random) -> int:
    return int(r.choice([-128, 0, 127, r.randint(-128, 128), r.randint(-40, 41)]))


def _scale(r: Random, low: float = 0.003, high: float = 0.6) -> float:
    return float(np.float32(np.exp(r.uniform(np.log(low), np.log(high)))))


def _weights(r: Random, shape: tuple[int, ...]) -> np.ndarray:
    kind = r.randint(3)
    if kind == 0:
        return r.randint(-127, 128, shape).astype(np.int8)
    if kind == 1:
        return np.clip(np.round(r.normal(0, 30, shape)), -127, 127).astype(np.int8)
    return r.choice([-128, -127, 0, 1, 127], shape).astype(np.int8)


def _ends(r: Random, inputs: int) -> tuple[float, int, float]:
    """Input scale, input zero point, and an output scale that uses a good part of the range."""
    scale = _scale(r)
    return scale, _zero(r), scale * _scale(r, 3, 150) * float(np.sqrt(inputs))


def _bias(r: Random, channels: int, reach: int) -> np.ndarray:
    return r.randint(-reach, reach + 1, channels).astype(np.int32)


def fully_connected(r: Random) -> bytes:
    """Dense layer: per tensor (weights with or without zero point) or per channel, one or more rows."""
    inputs, outputs, rows = int(r.randint(1, 70)), int(r.randint(1, 40)), int(r.choice([1, 1, 1, 3]))
    in_scale, in_zero, out_scale = _ends(r, inputs)
    b = ModelBuilder()
    keep = bool(r.randint(2)) and rows == 3
    x = b.tensor([1, rows, inputs] if keep else [rows, inputs], in_scale, in_zero)
    per_channel = bool(r.randint(2)) and not keep  # there the reference reads past its arrays
    scales = [_scale(r) for _ in range(outputs)] if per_channel and outputs > 1 else _scale(r)
    weight_zero = int(r.randint(-20, 21)) if np.ndim(scales) == 0 and r.randint(3) == 0 else 0
    w = b.constant(_weights(r, (outputs, inputs)), scales, zero_point=weight_zero)
    first = np.float32(in_scale) * np.float32(np.atleast_1d(scales)[0])
    out_scale = float(np.float32(out_scale * float(np.atleast_1d(scales).mean())))
    operands = [x, w]
    if r.randint(4):
        bias_scale = [in_scale * s for s in scales] if np.ndim(scales) else float(first)
        operands.append(b.constant(_bias(r, outputs, int(3000 * inputs**0.5)), bias_scale))
    y = b.tensor([1, rows, outputs] if keep else [rows, outputs], out_scale, _zero(r))
    b.operator("FULLY_CONNECTED", operands, [y], fused=_fused(r), keep_num_dims=keep)
    return b.build([x], [y])


def _window(r: Random, size: int, kernel: int, padding: str) -> tuple[int, int, int]:
    """Stride, dilation and output size along one dimension."""
    dilation = int(r.choice([1, 1, 2]))
    if padding == "valid" and (kernel - 1) * dilation + 1 > size:
        dilation = 1
    stride = 1 if dilation > 1 else int(r.randint(1, 4))
    extent = (kernel - 1) * dilation + 1
    out = -(-size // stride) if padding == "same" else -(-(size - extent + 1) // stride)
    return stride, dilation, out


def convolution(r: Random, depthwise: bool = False) -> bytes:
    """Convolution: SAME or VALID, strides, dilation, per tensor or per channel, batches."""
    batch, depth = int(r.choice([1, 1, 2])), int(r.randint(1, 9))
    height, width = int(r.randint(1, 13)), int(r.randint(1, 13))
    kernel = (int(r.randint(1, min(height, 5) + 1)), int(r.randint(1, min(width, 5) + 1)))
    padding = str(r.choice(["same", "valid"]))
    stride_h, dilation_h, out_h = _window(r, height, kernel[0], padding)
    stride_w, dilation_w, out_w = _window(r, width, kernel[1], padding)
    multiplier = int(r.choice([1, 1, 2, 3]))
    channels = depth * multiplier if depthwise else int(r.randint(1, 17))
    inputs = kernel[0] * kernel[1] * (1 if depthwise else depth)
    in_scale, in_zero, out_scale = _ends(r, inputs)
    b = ModelBuilder()
    x = b.tensor([batch, height, width, depth], in_scale, in_zero)
    scales = [_scale(r) for _ in range(channels)] if r.randint(3) and channels > 1 else _scale(r)
    shape = (1, *kernel, channels) if depthwise else (channels, *kernel, depth)
    w = b.constant(_weights(r, shape), scales, axis=3 if depthwise else 0)
    per_channel = np.broadcast_to(np.atleast_1d(scales), channels)
    operands = [x, w]
    bias_scales = [in_scale * s for s in per_channel] if np.ndim(scales) else in_scale * float(scales)
    operands.append(b.constant(_bias(r, channels, int(3000 * inputs**0.5)), bias_scales))
    out_scale = float(np.float32(out_scale * float(per_channel.mean())))
    y = b.tensor([batch, out_h, out_w, channels], out_scale, _zero(r))
    more = {"depth_multiplier": multiplier} if depthwise else {}
    b.operator(
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        operands,
        [y],
        padding=padding,
        fused=_fused(r),
        stride_h=stride_h,
        stride_w=stride_w,
        dilation_h=dilation_h,
        dilation_w=dilation_w,
        **more,
    )
    return b.build([x], [y])


def depthwise(r: Random) -> bytes:
    """Depthwise convolution with depth multiplier 1 to 3."""
    return convolution(r, depthwise=True)


def pool(r: Random) -> bytes:
    """Average or maximum pool."""
    batch, depth = int(r.choice([1, 2])), int(r.randint(1, 9))
    height, width = int(r.randint(1, 13)), int(r.randint(1, 13))
    kernel = (int(r.randint(1, height + 1)), int(r.randint(1, width + 1)))
    padding, stride = str(r.choice(["same", "valid"])), (int(r.randint(1, 4)), int(r.randint(1, 4)))
    outs = [
        -(-size // s) if padding == "same" else -(-(size - k + 1) // s)
        for size, k, s in zip((height, width), kernel, stride, strict=True)
    ]
    scale, zero = _scale(r), _zero(r)
    b = ModelBuilder()
    x = b.tensor([batch, height, width, depth], scale, zero)
    y = b.tensor([batch, *outs, depth], scale, zero)
    b.operator(
        str(r.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"])),
        [x],
        [y],
        padding=padding,
        fused=_fused(r),
        stride_h=stride[0],
        stride_w=stride[1],
        filter_h=kernel[0],
        filter_w=kernel[1],
    )
    return b.build([x], [y])


def mean(r: Random) -> bytes:
    """Mean over any axes of up to four dimensions."""
    rank = int(r.randint(2, 5))
    shape = [int(r.randint(1, 9)) for _ in range(rank)]
    axes = sorted(r.choice(rank, int(r.randint(1, rank + 1)), replace=False))
    if rank == 4 and r.randint(2):
        axes = [1, 2]
    keep = bool(r.randint(2))
    out = [1 if i in axes else s for i, s in enumerate(shape) if keep or i not in axes]
    scale, zero = _scale(r), _zero(r)
    same = bool(r.randint(2))
    b = ModelBuilder()
    x = b.tensor(shape, scale, zero)
    a = b.constant(np.array([i - rank if r.randint(2) else i for i in axes], np.int32))
    y = b.tensor(out, scale if same else float(np.float32(scale * _scale(r, 0.2, 3))), zero if same else _zero(r))
    b.operator("MEAN", [x, a], [y], keep_dims=keep)
    return b.build([x], [y])


def add(r: Random) -> bytes:
    """Sum of two branches of one input (a dense layer, a pool, a constant), with broadcasting."""
    height, width, depth = (int(v) for v in r.randint(1, 7, 3))
    scale, zero = _scale(r), _zero(r)
    b = ModelBuilder()
    x = b.tensor([1, height, width, depth], scale, zero)
    kind = r.randint(3)
    other_scale = float(np.float32(scale * _scale(r, 0.1, 10)))
    if kind == 0:
        other = b.constant(r.randint(-128, 128, (1, 1, 1, depth)).astype(np.int8), other_scale, zero_point=_zero(r))
    elif kind == 1:
        other = b.tensor([1, height, width, depth], other_scale, _zero(r))
        b.operator("QUANTIZE", [x], [other])
    else:
        other = x
    wide = max(scale, other_scale if kind < 2 else scale)
    y = b.tensor([1, height, width, depth], float(np.float32(wide * _scale(r, 0.5, 3))), _zero(r))
    b.operator("ADD", [x, other] if r.randint(2) else [other, x], [y], fused=_fused(r))
    return b.build([x], [y])


def pad(r: Random) -> bytes:
    """PAD, or PADV2 with its own value."""
    rank = int(r.randint(2, 5))
    shape = [int(v) for v in r.randint(1, 6, rank)]
    amounts = r.randint(0, 3, (rank, 2)).astype(np.int32)
    scale, zero = _scale(r), _zero(r)
    b = ModelBuilder()
    x = b.tensor(shape, scale, zero)
    operands = [x, b.constant(amounts)]
    name = str(r.choice(["PAD", "PADV2"]))
    if name == "PADV2":
        operands.append(b.constant(r.randint(-128, 128, (1,)).astype(np.int8), scale, zero_point=zero))
    y = b.tensor([int(s + a.sum()) for s, a in zip(shape, amounts, strict=True)], scale, zero)
    b.operator(name, operands, [y])
    return b.build([x], [y])


def softmax(r: Random) -> bytes:
    """Softmax of one or more rows, any beta."""
    shape = [int(r.choice([1, 1, 3])), int(r.randint(1, 40))]
    b = ModelBuilder()
    x = b.tensor(shape, _scale(r, 0.001, 1.0), _zero(r))
    y = b.tensor(shape, 1 / 256, -128)
    b.operator("SOFTMAX", [x], [y], beta=float(r.choice([1.0, 1.0, 0.5, 2.0])))
    return b.build([x], [y])


def quantize(r: Random) -> bytes:
    """Int8 to int8 with another scale, wider or narrower; then a reshape."""
    shape = [1, int(r.randint(1, 5)), int(r.randint(1, 9))]
    scale = _scale(r)
    b = ModelBuilder()
    x = b.tensor(shape, scale, _zero(r))
    y = b.tensor(shape, float(np.float32(scale * _scale(r, 0.05, 20))), _zero(r))
    flat = [1, shape[1] * shape[2]]
    z = b.tensor(flat, b.tensors[y]["scales"], b.tensors[y]["zero"])
    b.operator("QUANTIZE", [x], [y])
    b.operator("RESHAPE", [y, b.constant(np.array(flat, np.int32))], [z])
    return b.build([x], [z])


def autoencoder(r: Random) -> bytes:
    """Three to six dense layers."""
    sizes = [int(v) for v in r.randint(2, 40, int(r.randint(4, 8)))]
    b = ModelBuilder()
    x = first = b.tensor([1, sizes[0]], _scale(r), _zero(r))
    for inputs, outputs in pairwise(sizes):
        in_scale, weight_scale = b.tensors[x]["scales"][0], _scale(r)
        out_scale = float(np.float32(in_scale * weight_scale * 40 * np.sqrt(inputs)))
        w = b.constant(_weights(r, (outputs, inputs)), weight_scale)
        bias = b.constant(_bias(r, outputs, 3000), float(np.float32(in_scale) * np.float32(weight_scale)))
        y = b.tensor([1, outputs], out_scale, _zero(r))
        b.operator("FULLY_CONNECTED", [x, w, bias], [y], fused=_fused(r))
        x = y
    return b.build([first], [x])


def _convolve(
    r: Random, b: ModelBuilder, x: int, channels: int, kernel: int, fused: str, depthwise: bool = False
) -> int:
    """Add a SAME convolution of stride 1 behind tensor `x`; returns its output."""
    batch, height, width, depth = b.tensors[x]["shape"]
    channels = depth if depthwise else channels
    scales = [_scale(r) for _ in range(channels)]
    shape = (1, kernel, kernel, channels) if depthwise else (channels, kernel, kernel, depth)
    w = b.constant(_weights(r, shape), scales if channels > 1 else scales[0], axis=3 if depthwise else 0)
    in_scale, inputs = b.tensors[x]["scales"][0], kernel * kernel * (1 if depthwise else depth)
    bias_scales = [in_scale * scale for scale in scales]
    bias = b.constant(_bias(r, channels, int(1000 * inputs**0.5)), bias_scales if channels > 1 else bias_scales[0])
    out_scale = float(np.float32(in_scale * float(np.mean(scales)) * 40 * inputs**0.5))
    y = b.tensor([batch, height, width, channels], out_scale, _zero(r))
    more = {"depth_multiplier": 1} if depthwise else {}
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    b.operator(name, [x, w, bias], [y], padding="same", fused=fused, stride_h=1, stride_w=1, **more)
    return y


def residual(r: Random) -> bytes:
    """A small residual network: convolutions, a sum, depthwise, pool, reshape, dense, softmax."""
    height, width, depth, channels = (int(v) for v in r.randint(2, 9, 4))
    b = ModelBuilder()
    x = b.tensor([1, height, width, depth], _scale(r), _zero(r))
    short = _convolve(r, b, x, channels, 1, "none")
    long = _convolve(r, b, _convolve(r, b, x, channels, 3, "relu"), channels, 3, "none")
    wide = max(b.tensors[short]["scales"][0], b.tensors[long]["scales"][0])
    y = b.tensor([1, height, width, channels], float(np.float32(1.2 * wide)), _zero(r))
    b.operator("ADD", [short, long], [y], fused=_fused(r))
    y = _convolve(r, b, y, channels, 3, "relu", depthwise=True)
    scale, zero = b.tensors[y]["scales"][0], b.tensors[y]["zero"]
    pooled = b.tensor([1, 1, 1, channels], scale, zero)
    window = {"filter_h": height, "filter_w": width, "stride_h": height, "stride_w": width}
    b.operator("AVERAGE_POOL_2D", [y], [pooled], padding="valid", fused="none", **window)
    flat = b.tensor([1, channels], scale, zero)
    b.operator("RESHAPE", [pooled, b.constant(np.array([-1, channels], np.int32))], [flat])
    w = b.constant(_weights(r, (5, channels)), 0.02)
    logits = b.tensor([1, 5], float(np.float32(scale * 0.02 * 60)), _zero(r))
    b.operator("FULLY_CONNECTED", [flat, w], [logits], fused="none")
    shares = b.tensor([1, 5], 1 / 256, -128)
    b.operator("SOFTMAX", [logits], [shares], beta=float(np.float32(0.03 / b.tensors[logits]["scales"][0])))
    return b.build([x], [shares])


MAKERS: dict[str, Callable[[Random], bytes]] = {
    "fully_connected": fully_connected,
    "convolution": convolution,
    "depthwise": depthwise,
    "pool": pool,
    "mean": mean,
    "add": add,
    "pad": pad,
    "softmax": softmax,
    "quantize": quantize,
    "autoencoder": autoencoder,
    "residual": residual,
}
