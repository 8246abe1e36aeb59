"""The numbers Case Western Reserve University gave its bearing recordings: 105.mat, X105_DE_time.

A copy taken from the centre's pages bears nothing but this number; other copies carry it behind fault and load. It
tells the fault, the load, the end of the motor whose bearing is damaged, and the rate, which stands in no file.

Source: CWRU Bearing Data Center, tables "Normal Baseline Data", "12k Drive End Bearing Fault Data", "48k Drive End
Bearing Fault Data", "12k Fan End Bearing Fault Data". The baselines are tabled there without a rate; see cwru.py.
"""

from __future__ import annotations

from dataclasses import dataclass

DRIVE, FAN = "drive", "fan"


@dataclass(frozen=True)
class Condition:
    """What was recorded."""

    kind: str
    """ "IR", "OR", "B"; "" for the healthy baseline."""
    size_mil: int
    """Diameter of the fault (0.001 inch), 0 for none."""
    clock: int
    """Where an outer race fault sits, 0 elsewhere."""
    load_hp: int
    end: str
    """Whose bearing is damaged."""
    rate_khz: int

    def name(self, number: int) -> str:
        """As copies with telling names call it: 12k_Drive_End_OR007@6_0_130, normal_0_97."""
        if not self.kind:
            return f"normal_{self.load_hp}_{number}"
        clock = f"@{self.clock}" if self.clock else ""
        fault = f"{self.kind}{self.size_mil:03d}{clock}"
        return f"{self.rate_khz}k_{self.end.title()}_End_{fault}_{self.load_hp}_{number}"


_48_DRIVE = {
    ("IR", 7, 0): (109, 110, 111, 112), ("B", 7, 0): (122, 123, 124, 125), ("OR", 7, 6): (135, 136, 137, 138),
    ("OR", 7, 3): (148, 149, 150, 151), ("OR", 7, 12): (161, 162, 163, 164), ("IR", 14, 0): (174, 175, 176, 177),
    ("B", 14, 0): (189, 190, 191, 192), ("OR", 14, 6): (201, 202, 203, 204), ("IR", 21, 0): (213, 214, 215, 217),
    ("B", 21, 0): (226, 227, 228, 229), ("OR", 21, 6): (238, 239, 240, 241), ("OR", 21, 3): (250, 251, 252, 253),
    ("OR", 21, 12): (262, 263, 264, 265),
}  # fmt: skip
_12_DRIVE = {
    ("IR", 7, 0): (105, 106, 107, 108), ("B", 7, 0): (118, 119, 120, 121), ("OR", 7, 6): (130, 131, 132, 133),
    ("OR", 7, 3): (144, 145, 146, 147), ("OR", 7, 12): (156, 158, 159, 160), ("IR", 14, 0): (169, 170, 171, 172),
    ("B", 14, 0): (185, 186, 187, 188), ("OR", 14, 6): (197, 198, 199, 200), ("IR", 21, 0): (209, 210, 211, 212),
    ("B", 21, 0): (222, 223, 224, 225), ("OR", 21, 6): (234, 235, 236, 237), ("OR", 21, 3): (246, 247, 248, 249),
    ("OR", 21, 12): (258, 259, 260, 261), ("IR", 28, 0): (3001, 3002, 3003, 3004),
    ("B", 28, 0): (3005, 3006, 3007, 3008),
}  # fmt: skip
_12_FAN = {
    ("IR", 7, 0): (278, 279, 280, 281), ("B", 7, 0): (282, 283, 284, 285), ("OR", 7, 6): (294, 295, 296, 297),
    ("OR", 7, 3): (298, 299, 300, 301), ("OR", 7, 12): (302, 305, 306, 307), ("IR", 14, 0): (274, 275, 276, 277),
    ("B", 14, 0): (286, 287, 288, 289), ("OR", 14, 6): (313,), ("OR", 14, 3): (310, 309, 311, 312),
    ("IR", 21, 0): (270, 271, 272, 273), ("B", 21, 0): (290, 291, 292, 293), ("OR", 21, 6): (315,),
    ("OR", 21, 3): (-1, 316, 317, 318),
}  # fmt: skip
"""Fault (kind, mil, clock) to the numbers at 0, 1, 2, 3 hp."""

CONDITIONS: dict[int, Condition] = {97 + load: Condition("", 0, 0, load, DRIVE, 48) for load in range(4)} | {
    number: Condition(*fault, load, end, rate)
    for table, end, rate in ((_48_DRIVE, DRIVE, 48), (_12_DRIVE, DRIVE, 12), (_12_FAN, FAN, 12))
    for fault, numbers in table.items()
    for load, number in enumerate(numbers)
    if number > 0
}
"""What each number stands for."""
