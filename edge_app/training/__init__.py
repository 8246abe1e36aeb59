"""From recordings to an int8 model with its manifest. Extra: [train]."""
