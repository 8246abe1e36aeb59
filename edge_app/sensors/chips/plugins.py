"""Chips a configuration may name; what each takes, and how it is made. Loaded when one is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from edge_app.core.errors import ConfigError
from edge_app.core.plugin import Plugin, SensorContext
from edge_app.sensors.adxl345 import ADXL345 as ADXL345Driver
from edge_app.sensors.driver import Driver, choose
from edge_app.sensors.lis3dh import LIS3DH as LIS3DHDriver
from edge_app.sensors.lsm6ds3 import LSM6DS3 as LSM6DS3Driver
from edge_app.sensors.lsm6dso import LSM6DSO as LSM6DSODriver
from edge_app.sensors.max30102 import MAX30102 as MAX30102Driver
from edge_app.sensors.mpu6050 import MPU6050 as MPU6050Driver
from edge_app.sensors.plugins import Positive, SensorConfig


class ChipConfig(SensorConfig):
    """An accelerometer on an I2C bus."""

    driver: ClassVar[type[Driver]]

    bus: int = Field(
        1, ge=0, le=255, description="Number of the I2C bus: 1 is /dev/i2c-1, pins 3 and 5 of a Raspberry Pi."
    )
    address: int = Field(0, description="Address on the bus.")
    rate_hz: Positive = Field(1.0, description="Sampling rate (Hz).")
    range_g: Positive = Field(16.0, description="2, 4, 8 or 16 g.")
    axis: str = Field("z", pattern="^[xyz]{1,3}$", description="Axes used, in this order: z, xyz, xy …")
    bus_hz: int | None = Field(
        None, ge=10_000, le=400_000, description="Clock of the bus (Hz), where the device tree does not tell it."
    )

    @field_validator("address")
    @classmethod
    def _address_is_possible(cls, value: int) -> int:
        if value not in cls.driver.addresses:
            raise ValueError(f"an {cls.driver.name} sits at {_either([f'0x{a:02X}' for a in cls.driver.addresses])}")
        return value

    @field_validator("rate_hz")
    @classmethod
    def _rate_is_one_of_the_chip(cls, value: float) -> float:
        return float(_row(cls.driver.rates, value, cls.driver.name, "rate_hz", "Hz"))

    @field_validator("range_g")
    @classmethod
    def _range_is_one_of_the_chip(cls, value: float) -> float:
        return float(_row(cls.driver.ranges, value, cls.driver.name, "range_g", "g"))

    @field_validator("axis")
    @classmethod
    def _axes_differ(cls, value: str) -> str:
        if len(set(value)) != len(value):
            raise ValueError("names an axis twice")
        return value

    @model_validator(mode="after")
    def _bus_is_fast_enough(self) -> ChipConfig:
        if self.bus_hz and self.rate_hz > (fastest := self.driver.max_rate_hz(self.bus_hz)):
            raise ValueError(
                f"rate_hz: at a bus clock of {self.bus_hz} Hz an {self.driver.name} may run at {fastest:g} Hz at most"
            )
        return self


def _row(table: tuple[tuple[float, Any], ...], wanted: float, chip: str, key: str, unit: str) -> float:
    try:
        row: float = choose(table, wanted, chip, key, unit)[0]
    except ConfigError:
        allowed = [f"{value:g}" for value, _ in table]
        raise ValueError(f"an {chip} has {_either(allowed)} {unit}") from None
    return row


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


class LSM6DS3Config(ChipConfig):
    """LSM6DS3 (the reference sensor)."""

    driver: ClassVar[type[Driver]] = LSM6DS3Driver
    address: int = Field(0x6A, description="0x6A, or 0x6B with SDO/SA0 high.")
    rate_hz: Positive = Field(3332.0, description="12.5, 26, 52, 104, 208, 416, 833, 1666 or 3332 Hz.")


class LSM6DSOConfig(LSM6DS3Config):
    """LSM6DSO."""

    driver = LSM6DSODriver


class ADXL345Config(ChipConfig):
    """ADXL345; its rate is bounded by the bus clock: 800 Hz at 400 kHz, 200 Hz at 100 kHz."""

    driver = ADXL345Driver
    address: int = Field(0x53, description="0x53, or 0x1D with SDO high.")
    rate_hz: Positive = Field(800.0, description="6.25, 12.5, 25, 50, 100, 200, 400 or 800 Hz.")


class MPU6050Config(ChipConfig):
    """MPU-6050."""

    driver = MPU6050Driver
    address: int = Field(0x68, description="0x68, or 0x69 with AD0 high.")
    rate_hz: Positive = Field(1000.0, description="50, 100, 125, 200, 250, 500 or 1000 Hz.")


class LIS3DHConfig(ChipConfig):
    """LIS3DH."""

    driver = LIS3DHDriver
    address: int = Field(0x18, description="0x18, or 0x19 with SDO/SA0 high.")
    rate_hz: Positive = Field(1344.0, description="10, 25, 50, 100, 200, 400 or 1344 Hz.")


def _create_chip(config: ChipConfig, context: SensorContext) -> Any:
    from edge_app.buses.i2c import shared
    from edge_app.sensors.chip import ChipSensor

    bus = shared(config.bus)
    driver = config.driver(
        bus, config.address, config.rate_hz, config.range_g, lambda ms: context.clock.sleep_s(ms / 1000)
    )
    return ChipSensor(driver, bus, context.clock, axis=config.axis, bus_hz=config.bus_hz)


def _chip(name: str, summary: str, config: type[ChipConfig]) -> Plugin:
    driver = config.driver
    facts: Mapping[str, Any] = {
        "unit": driver.unit,
        "chip": driver.name,
        "rates_hz": tuple(float(rate) for rate, _ in driver.rates),
        "ranges_g": tuple(float(g) for g, _ in driver.ranges),
        "addresses": driver.addresses,
        "identity": driver.identity[1],
    }
    place = f"{driver.__module__}:{driver.__name__}"
    return Plugin(name, summary, config, _create_chip, driver=place, micropython=True, facts=facts)


LSM6DS3 = _chip("lsm6ds3", "LSM6DS3 accelerometer on I2C, up to 3332 Hz and 16 g (the reference)", LSM6DS3Config)
LSM6DSO = _chip("lsm6dso", "LSM6DSO accelerometer on I2C, up to 3332 Hz and 16 g", LSM6DSOConfig)
ADXL345 = _chip("adxl345", "ADXL345 accelerometer on I2C, up to 800 Hz and 16 g", ADXL345Config)
MPU6050 = _chip("mpu6050", "MPU-6050 accelerometer on I2C, up to 1000 Hz and 16 g", MPU6050Config)
LIS3DH = _chip("lis3dh", "LIS3DH accelerometer on I2C, up to 1344 Hz and 16 g", LIS3DHConfig)


class MAX30102Config(SensorConfig):
    """A MAX30102 pulse sensor on an I2C bus, one light at a time."""

    bus: int = Field(
        1, ge=0, le=255, description="Number of the I2C bus: 1 is /dev/i2c-1, pins 3 and 5 of a Raspberry Pi."
    )
    address: Literal[0x57] = Field(0x57, description="Always 0x57.")
    rate_hz: Positive = Field(100.0, description="25, 50, 100, 200 or 400 Hz, averaged from 400 Hz by the chip.")
    range_na: Positive = Field(4096.0, description="Photocurrent it measures (nA): 2048, 4096, 8192 or 16384.")
    light: Literal["ir", "red"] = Field("ir", description="Which light is on: infrared, or red.")
    led_ma: float = Field(6.4, ge=0.2, le=51.0, description="Current of the light (mA); lower it when it saturates.")
    bus_hz: int | None = Field(
        None, ge=10_000, le=400_000, description="Clock of the bus (Hz), where the device tree does not tell it."
    )

    @field_validator("rate_hz")
    @classmethod
    def _rate_is_one_of_the_chip(cls, value: float) -> float:
        return float(_row(MAX30102Driver.rates, value, "MAX30102", "rate_hz", "Hz"))

    @field_validator("range_na")
    @classmethod
    def _range_is_one_of_the_chip(cls, value: float) -> float:
        return float(_row(MAX30102Driver.ranges, value, "MAX30102", "range_na", "nA"))


def _create_max30102(config: MAX30102Config, context: SensorContext) -> Any:
    from edge_app.buses.i2c import shared
    from edge_app.sensors.chip import ChipSensor

    bus = shared(config.bus)

    def sleep_ms(ms: float) -> None:
        context.clock.sleep_s(ms / 1000)

    make: Any = MAX30102Driver
    driver = make(bus, config.address, config.rate_hz, config.range_na, config.light, config.led_ma, sleep_ms)
    return ChipSensor(driver, bus, context.clock, bus_hz=config.bus_hz)


MAX30102 = Plugin(
    "max30102",
    "MAX30102 pulse sensor (PPG) on I2C, up to 400 Hz, infrared or red",
    MAX30102Config,
    _create_max30102,
    driver="edge_app.sensors.max30102:MAX30102",
    micropython=True,
    facts={
        "unit": "au",
        "chip": MAX30102Driver.name,
        "rates_hz": tuple(float(rate) for rate, _ in MAX30102Driver.rates),
        "addresses": MAX30102Driver.addresses,
        "identity": MAX30102Driver.identity[1],
    },
)
