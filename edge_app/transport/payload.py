# Runs unchanged on MicroPython.
"""The text of every message, written by hand so that CPython and MicroPython send the same bytes.

JSON in ASCII (other characters as \\uXXXX), no spaces, integers only, keys in a fixed order. Decision v1:

    v dev app appv pipe jid boot seq t ts mono event state level flags score threshold why q win_ms model{n,h} hist
"""

VERSION = 1
"""`v` of every message: additions keep it, removals and changes raise it."""

LIMIT_BYTES = 4096
"""No message is longer; a decision that would be sheds the least important parts of its `why`."""

DEPTH_MAX = 8
"""How deep lists and objects may nest in what callers hand over."""

RECEIPT_BYTES_MAX = 16384
RECEIPT_RANGES_MAX = 1024
INTEGER_MAX = 9007199254740991
"""Largest integer every JSON reader keeps exactly: 2**53 - 1."""

_WHY_KEYS = ("text", "type", "top", "gap")
_STATE_KEYS = ("on", "t", "ts", "mono", "sw", "reason", "first", "depth", "apps")
_NOW_KEYS = ("state", "level", "flags", "score", "threshold", "event", "t", "mono")
_HEALTH_KEYS = ("t", "ts", "mono", "up_s", "first", "depth")
_LEFT_OUT = "(shortened)"
_HEX = "0123456789abcdef"


def escape(text: str) -> str:
    """A string as a JSON string in ASCII, quotes included."""
    # As a rule nothing is to be escaped: one look at the whole, by the interpreter, instead of one at each letter.
    plain = text.replace("'", "")
    if '"' not in plain and repr(plain) == "'" + plain + "'" and len(plain.encode()) == len(plain):
        return '"' + text + '"'
    for letter in text:
        code = ord(letter)
        if code < 32 or code > 126 or letter == '"' or letter == "\\":
            return '"' + "".join([_escape_one(each) for each in text]) + '"'
    return '"' + text + '"'


def _escape_one(letter: str) -> str:
    code = ord(letter)
    if letter == '"' or letter == "\\":
        return "\\" + letter
    if 32 <= code <= 126:
        return letter
    if code == 10:
        return "\\n"
    if code > 0xFFFF:
        code -= 0x10000
        return "\\u%04x\\u%04x" % (0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF))
    return "\\u%04x" % code


def encode(value: object, keys: tuple[str, ...] = (), depth: int = 0) -> str:
    """A plain value as JSON text: str, int, bool, None, and lists, tuples, dicts of them.

    Of a dict the keys named in `keys` come first, in that order, the others sorted. Floats are refused: the two
    runtimes print them differently. Raises ValueError for everything that has no exact text.
    """
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, int):
        return _encode_integer(value)
    if depth >= DEPTH_MAX:
        raise ValueError("a message may nest %d deep, not more" % DEPTH_MAX)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([encode(each, (), depth + 1) for each in value]) + "]"
    if isinstance(value, dict):
        return "{" + _encode_members(value, keys, depth) + "}"
    raise ValueError("a message holds text, integers, booleans, lists and objects, not %s" % type(value).__name__)


def _encode_integer(value: int) -> str:
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise ValueError("%d cannot be kept exactly by every JSON reader" % value)
    return str(value)


def _encode_members(value: dict[str, object], keys: tuple[str, ...], depth: int) -> str:
    names = [name for name in keys if name in value]
    names += sorted([name for name in value if name not in keys])
    return ",".join([escape(name) + ":" + encode(value[name], (), depth + 1) for name in names])


def decision_json(dev: str, jid: str, boot: int, seq: int, hist: bool, d) -> str:
    """One decision as text of at most LIMIT_BYTES; `d` is anything with the attributes of core.results.Decision.

    When the whole is longer, `why` sheds, in this order: keys beside text, type, top, gap; the last entries of `top`;
    the end of `text`; and `gap` only when it alone is too long. A mark replaces what was shed.
    """
    head = _decision_head(dev, jid, boot, seq, d)
    tail = _decision_tail(hist, d)
    return head + _fit_why(d.why, LIMIT_BYTES - len(head) - len(tail)) + tail


def _decision_head(dev: str, jid: str, boot: int, seq: int, d) -> str:
    return (
        '{"v":%d,"dev":%s,"app":%s,"appv":%s,"pipe":%s,"jid":%s,"boot":%d,"seq":%d,"t":%d,"ts":%s,"mono":%d,'
        '"event":%s,"state":%s,"level":%s,"flags":%s,"score":%d,"threshold":%d,"why":'
    ) % (
        VERSION,
        escape(dev),
        escape(d.app),
        escape(d.app_version),
        escape(d.pipeline),
        escape(jid),
        boot,
        seq,
        d.wall_ms,
        escape(d.clock),
        d.mono_ms,
        escape(d.event),
        escape(d.state),
        escape(d.level),
        encode(d.flags),
        d.score,
        d.threshold,
    )


def _decision_tail(hist: bool, d) -> str:
    model = "null"
    if d.model is not None:
        learnt = getattr(d.model, "normal", "")
        learnt = ',"l":%s' % escape(learnt) if learnt else ""
        model = '{"n":%s,"h":%s%s}' % (escape(d.model.name), escape(d.model.sha256[:12]), learnt)
    return ',"q":%d,"win_ms":%d,"model":%s,"hist":%s}' % (d.quality, d.window_ms, model, "true" if hist else "false")


def with_hist(text: str) -> str:
    """The same decision text, marked as resent from the journal (`hist` true)."""
    return text[:-6] + "true}" if text.endswith('"hist":false}') else text


def _fit_why(why: dict, room: int) -> str:
    """`why` as JSON text of at most `room` characters."""
    text = encode(why, _WHY_KEYS)
    if len(text) <= room:
        return text
    kept = {}
    for name in _WHY_KEYS:
        if name in why:
            kept[name] = why[name]
    top = list(kept.get("top", ()))
    kept["top"] = top
    while top and len(encode(kept, _WHY_KEYS)) > room:
        top.pop()
    text = _fit_text(kept, room)
    if len(text) > room and "gap" in kept:
        kept["gap"] = _LEFT_OUT
        text = _fit_text(kept, room)
    if len(text) > room:
        raise ValueError("the fields beside `why` leave no room in %d bytes" % LIMIT_BYTES)
    return text


def _fit_text(kept: dict[str, object], room: int) -> str:
    """`kept` as JSON, the end of its `text` cut off as far as needed (each round halves what is too much)."""
    sentence = str(kept.get("text", ""))
    text = encode(kept, _WHY_KEYS)
    while len(text) > room and sentence:
        over = len(text) - room
        sentence = sentence[: max(0, len(sentence) - max(1, over // 12))]
        kept["text"] = sentence + _LEFT_OUT
        text = encode(kept, _WHY_KEYS)
    return text


def state_json(dev: str, jid: str, boot: int, on: bool, fields: dict[str, object]) -> str:
    """Birth (`on` true) or last will (`on` false): both carry the same jid and boot, so a late will is recognised."""
    return '{"v":%d,"dev":%s,"jid":%s,"boot":%d,%s}' % (
        VERSION,
        escape(dev),
        escape(jid),
        boot,
        _encode_members(_merged({"on": bool(on)}, fields), _STATE_KEYS, 0),
    )


def now_json(dev: str, app: str, jid: str, boot: int, t: int, pipelines: dict[str, dict[str, object]]) -> str:
    """Retained condition of one app: `pipelines` maps each pipeline's name to its fields (state, level, flags …)."""
    names = sorted(pipelines)
    inside = ",".join([escape(name) + ":" + encode(pipelines[name], _NOW_KEYS) for name in names])
    return '{"v":%d,"dev":%s,"app":%s,"jid":%s,"boot":%d,"t":%d,"pipes":{%s}}' % (
        VERSION,
        escape(dev),
        escape(app),
        escape(jid),
        boot,
        t,
        inside,
    )


def health_json(dev: str, jid: str, boot: int, fields: dict[str, object]) -> str:
    """How the device itself is; `fields` are plain integers, texts and lists, by name."""
    members = _encode_members(fields, _HEALTH_KEYS, 0)
    return '{"v":%d,"dev":%s,"jid":%s,"boot":%d%s}' % (
        VERSION,
        escape(dev),
        escape(jid),
        boot,
        "," + members if members else "",
    )


def _merged(first: dict[str, object], second: dict[str, object]) -> dict[str, object]:
    merged = dict(second)
    merged.update(first)
    return merged


def receipt_json(entries) -> str:
    """What a monitor confirms: entries (jid, boot, [(from, to), …]) as text."""
    return encode([[jid, boot, [list(each) for each in ranges]] for jid, boot, ranges in entries])


def parse_receipt(data: bytes) -> list[tuple[str, int, list[tuple[int, int]]]]:
    """A receipt's bytes as a list of (jid, boot, [(from, to), …]); ranges include both ends.

    Strict, because receipts delete decisions: exactly the shape `[[jid, boot, [[from, to], …]], …]`, jid 1 to 32
    hex digits, integers 0..2**53-1, from ≤ to, nothing before or behind. Raises ValueError for everything else.
    """
    if len(data) > RECEIPT_BYTES_MAX:
        raise ValueError("a receipt is at most %d bytes long, not %d" % (RECEIPT_BYTES_MAX, len(data)))
    reader = _ReceiptReader(data)
    entries: list[tuple[str, int, list[tuple[int, int]]]] = reader.items(reader.entry)
    reader.end()
    return entries


class _ReceiptReader:
    """Reads the few JSON forms a receipt has; no recursion beyond its three levels, no floats, no surprises."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._ranges = 0

    def _peek(self) -> int:
        """Next byte that is not white space, or -1 at the end."""
        data = self._data
        while self._at < len(data) and data[self._at] in b" \t\r\n":
            self._at += 1
        return data[self._at] if self._at < len(data) else -1

    def _expect(self, letter: str) -> None:
        if self._peek() != ord(letter):
            raise ValueError("a receipt needs %r at byte %d" % (letter, self._at))
        self._at += 1

    def items(self, read_one):
        """A list, each item read by `read_one`."""
        found: list[object] = []
        self._expect("[")
        if self._peek() == 93:
            self._at += 1
            return found
        while True:
            found.append(read_one())
            if self._peek() == 93:
                self._at += 1
                return found
            self._expect(",")

    def entry(self):
        """[jid, boot, ranges]."""
        self._expect("[")
        jid = self._hex()
        self._expect(",")
        boot = self._integer()
        self._expect(",")
        ranges = self.items(self._range)
        self._expect("]")
        return jid, boot, ranges

    def _range(self) -> tuple[int, int]:
        self._ranges += 1
        if self._ranges > RECEIPT_RANGES_MAX:
            raise ValueError("a receipt names at most %d ranges" % RECEIPT_RANGES_MAX)
        self._expect("[")
        first = self._integer()
        self._expect(",")
        last = self._integer()
        self._expect("]")
        if last < first:
            raise ValueError("range %d to %d of a receipt runs backwards" % (first, last))
        return first, last

    def _integer(self) -> int:
        self._peek()
        start = self._at
        data = self._data
        while self._at < len(data) and 48 <= data[self._at] <= 57 and self._at - start < 17:
            self._at += 1
        digits = self._at - start
        if digits == 0 or (digits > 1 and data[start] == 48):
            raise ValueError("a receipt needs a whole number at byte %d" % start)
        value = int(bytes(data[start : self._at]))
        if value > INTEGER_MAX:
            raise ValueError("number at byte %d of a receipt is too large" % start)
        return value

    def _hex(self) -> str:
        self._expect('"')
        jid = ""
        data = self._data
        while self._at < len(data) and chr(data[self._at]) in _HEX:
            jid += chr(data[self._at])
            self._at += 1
        if not 1 <= len(jid) <= 32:
            raise ValueError("a receipt needs a jid of 1 to 32 hex digits before byte %d" % self._at)
        self._expect('"')
        return jid

    def end(self) -> None:
        if self._peek() != -1:
            raise ValueError("a receipt ends at byte %d, but more follows" % self._at)
