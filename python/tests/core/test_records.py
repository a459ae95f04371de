import pytest
from worker_side import commands, frame

from fraiseql_subs import _records as records


def test_commands_are_packed_little_endian():
    assert records.command(records.TEXT, 0x01020304, b"ab") == (
        b"\x07\x00\x00\x00\x02\x04\x03\x02\x01ab"
    )
    assert records.command(records.HEARD, 1) == b"\x05\x00\x00\x00\x05\x01\x00\x00\x00"


def test_a_resume_has_its_position_before_the_message():
    assert records.resume(1, 2, b"a") == (
        b"\x0e\x00\x00\x00\x04\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00a"
    )


def test_a_close_has_code_and_reason():
    assert commands(records.close(3, 4413, "Slow é")) == [
        (records.CLOSE, 3, (4413, "Slow é".encode()))
    ]
    assert records.decode_closed(b"\x3d\x11Slow") == (4413, "Slow")
    assert records.decode_closed(b"") == (1005, "")


def test_frames_are_read_one_after_the_other():
    sent = [
        (records.MESSAGE, 1, 0, b"", b'{"type":"pong"}'),
        (records.EVENT, 2, 2**63, "é".encode(), b"{}"),
        (records.STARTED, 2**32 - 1, 7, b"a", b""),
    ]
    assert list(records.decode_frames(b"".join(frame(*record) for record in sent))) == sent
    assert list(records.decode_frames(b"")) == []


@pytest.mark.parametrize("cut", [1, 18, 20])
def test_frames_that_are_cut_off_are_refused(cut):
    whole = frame(records.EVENT, 1, 1, b"id", b"payload")
    with pytest.raises(ValueError, match="frame"):
        list(records.decode_frames(whole + whole[:cut]))


def test_an_id_longer_than_its_frame_is_refused():
    with pytest.raises(ValueError, match="lengths do not fit"):
        list(records.decode_frames(records_with_id_length(9)))


def records_with_id_length(length):
    data = bytearray(frame(records.EVENT, 1, 1, b"id", b""))
    data[17] = length
    return bytes(data)
