"""edge-app: a Raspberry Pi or an ESP32 with a sensor becomes a device that decides."""

__version__ = "0.1.0"
