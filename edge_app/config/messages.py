"""The wire contract as pydantic models: what devices publish. `edge-app schema` writes them as JSON Schema.

Additions keep `v`; removals and changes raise it and the topics' version. Devices write the text themselves
(transport/payload.py); these models are for whoever reads it, and for tests. Unknown keys are refused here so that a
test notices a new one; readers in the field ignore them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_app.config.schema import Id

Jid = Annotated[str, Field(pattern=r"^[0-9a-f]{1,32}$")]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]

Event = Literal[
    "raised",
    "cleared",
    "changed",
    "acked",
    "shelved",
    "unshelved",
    "reset",
    "unknown",
    "known",
    "idle",
    "started",
    "summary",
    "gap",
    "test",
]
State = Literal["normal", "pending", "active", "unknown", "idle"]
Level = Literal["ok", "info", "warn", "alarm"]
Flag = Literal["latched", "acked", "shelved", "suppressed"]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class _Open(BaseModel):
    """Carries more keys than the contract names."""

    model_config = ConfigDict(extra="allow", strict=True)


class MessageModel(_Message):
    """Which model judged."""

    n: str = Field(min_length=1, description="Name of the model, from its manifest.")
    h: str = Field(pattern=r"^[0-9a-f]{1,12}$", description="First 12 hex digits of the model file's SHA-256.")
    l: str | None = Field(  # noqa: E741
        None,
        pattern=r"^[0-9a-f]{8}$",
        description="First 8 hex digits of the SHA-256 of the normal learnt on this machine;"
        " absent when the shipped one served.",
    )


class Why(_Open):
    """Why the device concluded that; other keys belong to the event (`judged`, `unknown`, `idle` of a summary)."""

    text: str | None = Field(None, description="One or two sentences for people.")
    type: tuple[Annotated[str, Field(max_length=48)], Annotated[int, Field(ge=0, le=100)]] | None = Field(
        None, description="Kind of trouble it is most like: a label of the model, its share in percent."
    )
    top: list[tuple[str, int, Annotated[int, Field(ge=0, le=100)]]] | None = Field(
        None, description="Features that weigh most: name, change against normal in dB × 10, share in percent."
    )
    gap: Any = Field(None, description="Of event `gap`: the identities that will never come.")


class DecisionMessage(_Message):
    """Decision v1, on `<prefix>/1/<site>/<device>/d/<app>`, QoS 1, never retained; at most 4096 bytes."""

    v: Literal[1] = Field(description="Version of this message.")
    dev: Id = Field(description="The device.")
    app: str = Field(description="The app; empty when the device itself speaks.")
    appv: str = Field(description="Version of the app.")
    pipe: str = Field(description="The pipeline; empty when the device itself speaks.")
    jid: Jid = Field(description="The journal: random, made with it.")
    boot: Count = Field(description="Count of the journal's boots.")
    seq: Count = Field(description="From 0 without gaps within a boot. (dev, jid, boot, seq) identifies the decision.")
    t: int = Field(description="UTC (ms since 1970) of the end of the window.")
    ts: Literal["ntp", "rtc", "none"] = Field(description="How far `t` can be believed.")
    mono: Count = Field(description="Monotonic time (ms) since the process began.")
    event: Event = Field(description="What happened.")
    state: State = Field(description="The condition after it.")
    level: Level = Field(description="How loud it is now.")
    flags: list[Flag] = Field(description="Independent of the condition.")
    score: Annotated[int, Field(ge=-1, le=10000)] = Field(description="Score × 10000; -1 when there was none.")
    threshold: Annotated[int, Field(ge=-1, le=10000)] = Field(description="Threshold × 10000; -1 when there was none.")
    why: Why = Field(description="The explanation.")
    q: Annotated[int, Field(ge=0, le=100)] = Field(description="Quality of the window behind it (percent).")
    win_ms: Count = Field(description="Length of the evidence (ms).")
    model: MessageModel | None = Field(description="Which model judged; null when none did.")
    hist: bool = Field(description="True when it is resent from the journal, not live.")


class StateMessage(_Open):
    """Birth and last will, retained on `…/state`; one with another (jid, boot) than the last birth is late."""

    v: Literal[1]
    dev: Id
    jid: Jid
    boot: Count
    on: bool = Field(description="True: the device is there.")
    t: int | None = Field(None, description="UTC (ms) of the birth.")
    first: list[Any] | None = Field(None, description="Oldest identity the device still keeps: [jid, boot, seq].")


class NowPipeline(_Open):
    """Present condition of one pipeline."""

    state: State
    level: Level
    flags: list[Flag] = []


class NowMessage(_Message):
    """Present condition per pipeline, retained on `…/now/<app>`: for late joiners."""

    v: Literal[1]
    dev: Id
    app: Id
    jid: Jid
    boot: Count
    t: int = Field(description="UTC (ms) of the last change.")
    pipes: dict[Id, NowPipeline]


class HealthMessage(_Open):
    """How the device itself is, on `…/health` every 60 s, QoS 0."""

    v: Literal[1]
    dev: Id
    jid: Jid
    boot: Count


MESSAGES: dict[str, type[BaseModel]] = {
    "message-decision": DecisionMessage,
    "message-state": StateMessage,
    "message-now": NowMessage,
    "message-health": HealthMessage,
}
"""File name (without .json) of each generated schema, and the model behind it."""
