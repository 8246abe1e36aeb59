"""Operators of .tflite files by number: those our engines run, and what to do about the others.

Numbers from `BuiltinOperator` of the schema file `tensorflow/lite/schema/schema.fbs` (version 3) of TensorFlow.
"""

from __future__ import annotations

OPERATORS = {
    0: "ADD",
    1: "AVERAGE_POOL_2D",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    9: "FULLY_CONNECTED",
    17: "MAX_POOL_2D",
    22: "RESHAPE",
    25: "SOFTMAX",
    34: "PAD",
    40: "MEAN",
    60: "PADV2",
    114: "QUANTIZE",
}
"""Builtin operator codes the engines know."""

_FLOAT = "Convert fully int8: inference_input_type = inference_output_type = tf.int8 and TFLITE_BUILTINS_INT8 alone."
_SHAPE = "Write 1-D convolutions as Conv2D on [length, 1, channels], and leave the layout alone."
_ACTIVATION = "Use ReLU or ReLU6 inside the network and softmax at its end."
_SCALING = (
    "Fold batch normalisation and scaling into the layer before them; the converter does so for Conv2D and Dense."
)
_RECURRENT = "Use a convolution over time instead of a recurrent layer."

FOREIGN = {
    2: ("CONCATENATION", "Build the network without branches that are joined, or join them by addition."),
    6: ("DEQUANTIZE", _FLOAT),
    14: ("LOGISTIC", "For two classes use two outputs and softmax; inside the network use ReLU."),
    15: ("LSH_PROJECTION", _RECURRENT),
    16: ("LSTM", _RECURRENT),
    18: ("MUL", _SCALING),
    19: ("RELU", 'Fuse it: put the activation into the layer before it (`activation="relu"`).'),
    21: ("RELU6", "Fuse it: put the activation into the layer before it."),
    24: ("RNN", _RECURRENT),
    28: ("TANH", _ACTIVATION),
    39: ("TRANSPOSE", _SHAPE),
    41: ("SUB", _SCALING),
    42: ("DIV", _SCALING),
    43: ("SQUEEZE", "Use Reshape or Flatten."),
    44: ("UNIDIRECTIONAL_SEQUENCE_LSTM", _RECURRENT),
    45: ("STRIDED_SLICE", "Give the network a fixed batch of 1, so that Flatten becomes RESHAPE."),
    49: ("SPLIT", _SHAPE),
    53: ("CAST", _FLOAT),
    54: ("PRELU", _ACTIVATION),
    70: ("EXPAND_DIMS", _SHAPE),
    74: ("SUM", "Use GlobalAveragePooling, which becomes MEAN."),
    77: ("SHAPE", "Give the network a fixed batch of 1."),
    82: ("REDUCE_MAX", "Use MaxPooling over the whole length, or GlobalAveragePooling."),
    83: ("PACK", "Give the network a fixed batch of 1."),
    98: ("LEAKY_RELU", _ACTIVATION),
    111: ("ELU", _ACTIVATION),
    117: ("HARD_SWISH", _ACTIVATION),
    126: ("BATCH_MATMUL", "Use Dense, whose weights are constant."),
    150: ("GELU", _ACTIVATION),
}
"""Operators people meet in files made elsewhere: name and way out."""


def foreign(code: int, custom: str) -> tuple[str, str]:
    """(what to call an operator that is not run, what to do about it)."""
    known = "The engines run: " + ", ".join(sorted(OPERATORS.values())) + "."
    name, remedy = FOREIGN.get(code, (custom or f"number {code}", ""))
    return name, f"{remedy} {known}".strip()
