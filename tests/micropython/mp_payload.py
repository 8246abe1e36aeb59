"""Messages have the same bytes under every runtime: the expected texts stand here in full."""

from edge_app.transport.payload import (
    LIMIT_BYTES,
    decision_json,
    encode,
    escape,
    health_json,
    now_json,
    parse_receipt,
    receipt_json,
    state_json,
    with_hist,
)


class _Model:
    name = "bearing_int8"
    sha256 = "0123456789abcdef" * 4


class _Decision:
    app = "predictive_maintenance"
    app_version = "1.0.0"
    pipeline = "bearing"
    event = "raised"
    state = "active"
    level = "alarm"
    flags = ("latched", "acked")
    score = 9321
    threshold = 8000
    why = {"z": 1, "top": [["band_950_1100_hz", 142, 41]], "text": 'Größe "neu" \U0001f600\n', "a": [True, None]}
    quality = 100
    wall_ms = 1763820000123
    clock = "ntp"
    mono_ms = 123456789012
    window_ms = 1000
    model = _Model()


EXPECTED = (
    '{"v":1,"dev":"pump-7","app":"predictive_maintenance","appv":"1.0.0","pipe":"bearing","jid":"00ffab","boot":3,'
    '"seq":41,"t":1763820000123,"ts":"ntp","mono":123456789012,"event":"raised","state":"active","level":"alarm",'
    '"flags":["latched","acked"],"score":9321,"threshold":8000,"why":{"text":"Gr\\u00f6\\u00dfe \\"neu\\" '
    '\\ud83d\\ude00\\n","top":[["band_950_1100_hz",142,41]],"a":[true,null],"z":1},"q":100,"win_ms":1000,'
    '"model":{"n":"bearing_int8","h":"0123456789ab"},"hist":false}'
)


def _decision(**changes):
    decision = _Decision()
    for name in changes:
        setattr(decision, name, changes[name])
    return decision


def _refused(call, *arguments):
    try:
        call(*arguments)
    except ValueError:
        return True
    return False


def test_a_decision_has_these_very_bytes():
    assert decision_json("pump-7", "00ffab", 3, 41, False, _Decision()) == EXPECTED


def test_a_resent_decision_differs_only_in_hist():
    assert with_hist(EXPECTED) == EXPECTED[:-6] + "true}"
    assert decision_json("pump-7", "00ffab", 3, 41, True, _Decision()) == with_hist(EXPECTED)
    assert with_hist(with_hist(EXPECTED)) == with_hist(EXPECTED)


def test_a_decision_without_model_says_null():
    assert ',"model":null,"hist":false}' in decision_json("d", "0", 1, 0, False, _decision(model=None))


def test_keys_come_in_the_callers_order_then_sorted():
    assert encode({"b": 1, "a": 2, "text": 3}, ("text",)) == '{"text":3,"a":2,"b":1}'


def test_characters_outside_printable_ascii_are_escaped():
    assert escape('a"\\\x00\x7f\u20ac') == '"a\\"\\\\\\u0000\\u007f\\u20ac"'
    assert escape("\U0010ffff") == '"\\udbff\\udfff"'  # RFC 8259 section 7: surrogate pair


def test_a_letter_is_escaped_alike_wherever_it_stands():
    for code in range(0x180):
        letter = chr(code)
        alone = escape(letter)
        if 32 <= code <= 126 and letter not in ('"', "\\"):
            assert alone == '"' + letter + '"'
        else:
            assert alone[1] == "\\"
            assert all(32 <= ord(each) <= 126 for each in alone)
        for before, behind in (("it's ", ""), ("", " 'so'"), ('a "', "")):
            around = escape(before)[:-1], escape(behind)[1:]
            assert escape(before + letter + behind) == around[0] + alone[1:-1] + around[1]


def test_floats_and_huge_integers_are_refused():
    assert _refused(encode, 0.5)
    assert _refused(encode, {"a": [1.0]})
    assert encode(2**53 - 1) == "9007199254740991"
    assert _refused(encode, 2**53)


def test_a_long_why_is_shortened_from_the_end_of_the_text():
    text = decision_json("d", "0", 1, 0, False, _decision(why={"text": "x" * 9000, "top": [["a", 1, 2]]}))
    assert len(text) <= LIMIT_BYTES
    assert text.endswith('"hist":false}')
    assert "xxx(shortened)" in text


def test_state_now_and_health_have_these_very_bytes():
    assert (
        state_json("d", "ab", 2, True, {"t": 5, "first": ["ab", 1, 0], "zeta": "y"})
        == '{"v":1,"dev":"d","jid":"ab","boot":2,"on":true,"t":5,"first":["ab",1,0],"zeta":"y"}'
    )
    assert state_json("d", "ab", 2, False, {}) == '{"v":1,"dev":"d","jid":"ab","boot":2,"on":false}'
    assert (
        now_json("d", "app", "ab", 2, 7, {"p": {"score": 1, "level": "ok", "state": "normal"}, "a": {}})
        == '{"v":1,"dev":"d","app":"app","jid":"ab","boot":2,"t":7,'
        '"pipes":{"a":{},"p":{"state":"normal","level":"ok","score":1}}}'
    )
    assert health_json("d", "ab", 2, {"rss_kb": 3, "up_s": 1}) == (
        '{"v":1,"dev":"d","jid":"ab","boot":2,"up_s":1,"rss_kb":3}'
    )


def test_a_receipt_survives_the_way_there_and_back():
    entries = [("00ff", 3, [(0, 5), (7, 7)]), ("ab", 0, [])]
    assert receipt_json(entries) == '[["00ff",3,[[0,5],[7,7]]],["ab",0,[]]]'
    assert parse_receipt(receipt_json(entries).encode()) == entries
    assert parse_receipt(b' [ [ "ab" , 1 , [ [ 0 , 9007199254740991 ] ] ] ]\n') == [("ab", 1, [(0, 2**53 - 1)])]
    assert parse_receipt(b"[]") == []


def test_what_is_not_exactly_a_receipt_is_refused():
    for bad in (
        b"",
        b"{}",
        b"null",
        b"[",
        b"[]]",
        b"[1]",
        b'[["ab",1]]',
        b'[["ab",1,[[5,0]]]]',
        b'[["ab",-1,[]]]',
        b'[["ab",1.0,[]]]',
        b'[["ab",01,[]]]',
        b'[["AB",1,[]]]',
        b'[["",1,[]]]',
        b'[["' + b"a" * 33 + b'",1,[]]]',
        b'[["ab",9007199254740992,[]]]',
        b'[["ab",99999999999999999999,[]]]',
        b'[["ab",1,[[0,1,2]]]]',
        b'[["ab",1,[],0]]',
        b'[["ab",1,[[0,1],]]]',
        b"\xff\xfe",
        b'[["ab",1,' + b"[" * 5000,
        b"[" + b'["ab",1,[]],' * 2000 + b"[]]",
        b'[["ab",1,[' + b"[0,0]," * 1024 + b"[0,0]]]]",
    ):
        assert _refused(parse_receipt, bad), bad[:40]


def test_the_kind_of_trouble_stands_behind_the_text_and_is_kept_when_it_must_be_short():
    why = {"top": [["a", 1, 2]], "type": ["outer", 93], "text": "x"}
    text = decision_json("d", "0", 1, 0, False, _decision(why=why))
    assert '"why":{"text":"x","type":["outer",93],"top":[["a",1,2]]}' in text
    why["text"] = "x" * 9000
    assert '"type":["outer",93]' in decision_json("d", "0", 1, 0, False, _decision(why=why))
