"""A network in training: exact arithmetic, layers, dense learning, pruning, int8, and the .tflite file."""
