# Runs unchanged on MicroPython.
"""Where each message goes: the topics of one device, and what a topic says.

edge/1/<site>/<device>/state        retained + last will
edge/1/<site>/<device>/d/<app>      decisions, never retained
edge/1/<site>/<device>/now/<app>    retained: condition and level per pipeline
edge/1/<site>/<device>/health       every 60 s
edge/1/<site>/<device>/ack/<monitor>  receipts, monitor to device
edge/1/<site>/<device>/cmd          signed commands; replies on cmd/r
"""

VERSION = "1"
"""Major version of the wire contract; additions keep it, removals and changes raise it."""

ID_LENGTH_MAX = 48
"""Longest site, device, app or monitor name, in characters; the alphabet is a-z, 0-9, _ and -."""

_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789_-"
_PLAIN_KINDS = ("state", "health", "cmd")
_NAMED_KINDS = ("d", "now", "ack")


def check_id(value: str, what: str = "id") -> str:
    """`value` itself when it may stand in a topic; else ValueError that says why."""
    if not isinstance(value, str) or not 1 <= len(value) <= ID_LENGTH_MAX:
        raise ValueError("%s must be 1 to %d characters long, not %r" % (what, ID_LENGTH_MAX, value))
    for letter in value:
        if letter not in _ID_ALPHABET:
            raise ValueError("%s may hold a-z, 0-9, _ and - only, not %r" % (what, value))
    return value


def check_prefix(value: str) -> str:
    """`value` itself when it may start every topic: ids (capitals allowed) joined by single slashes."""
    if not isinstance(value, str) or not 1 <= len(value) <= 4 * ID_LENGTH_MAX:
        raise ValueError("prefix must be 1 to %d characters long, not %r" % (4 * ID_LENGTH_MAX, value))
    for level in value.split("/"):
        check_id(level.lower(), "each level of the prefix")
    return value


class Topics:
    """The topics of one device."""

    def __init__(self, site: str, device: str, prefix: str = "edge") -> None:
        self.site = check_id(site, "site")
        self.device = check_id(device, "device")
        self.prefix = check_prefix(prefix)
        self.root = "/".join((prefix, VERSION, site, device))
        self.state = self.root + "/state"
        self.health = self.root + "/health"
        self.cmd = self.root + "/cmd"
        self.cmd_reply = self.root + "/cmd/r"
        self.ack_filter = self.root + "/ack/+"

    def decisions(self, app: str) -> str:
        """Where the decisions of one app go."""
        return self.root + "/d/" + check_id(app, "app")

    def now(self, app: str) -> str:
        """Where the retained condition of one app stands."""
        return self.root + "/now/" + check_id(app, "app")

    def ack(self, monitor: str) -> str:
        """Where one monitor confirms what it holds."""
        return self.root + "/ack/" + check_id(monitor, "monitor")


def parse(topic: str, prefix: str = "edge") -> tuple[str, str, str, str]:
    """What a topic says: (site, device, kind, name); ValueError for a topic that is not ours.

    `kind` is state, health, cmd, cmd/r, d, now or ack; `name` the app or monitor, empty for the first four.
    """
    head = prefix + "/" + VERSION + "/"
    if not isinstance(topic, str) or not topic.startswith(head):
        raise ValueError("a topic of this contract starts with %r, not %r" % (head, topic))
    levels = topic[len(head) :].split("/")
    if len(levels) not in (3, 4):
        raise ValueError("%r has %d levels behind %r instead of 3 or 4" % (topic, len(levels), head))
    site = check_id(levels[0], "site")
    device = check_id(levels[1], "device")
    if len(levels) == 3 and levels[2] in _PLAIN_KINDS:
        return site, device, levels[2], ""
    if len(levels) == 4 and levels[2] == "cmd" and levels[3] == "r":
        return site, device, "cmd/r", ""
    if len(levels) == 4 and levels[2] in _NAMED_KINDS:
        return site, device, levels[2], check_id(levels[3], "name")
    raise ValueError("%r is not a topic of this contract" % (topic,))
