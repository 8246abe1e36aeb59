"""Wires: I2C, PCM streams and register tables."""
