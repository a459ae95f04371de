"""Values of leaves: from JSON's to Python's and back.

Each decoder takes the value and where it came from, for the error; each encoder likewise.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import enum
import math
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, cast
from uuid import UUID

from fraiseql_subs._schema.faults import DecodeError, EncodeError
from fraiseql_subs._schema.guards import is_dict, is_items, is_list, is_mapping

__all__ = [
    "JSON_CODEC",
    "KNOWN_SCALARS",
    "LEAF_CODECS",
    "Codec",
    "encode_any",
    "encode_default",
    "encode_id",
    "unfit",
    "wrong",
]


def wrong(expected: str, value: object, path: str) -> DecodeError:
    return DecodeError(f"{path or 'the value'} is {_shown(value)}, not {expected}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _decode_str(value: Any, path: str) -> str:
    if isinstance(value, str):
        return value
    # An ID may be a number in an event.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise wrong("a text", value, path)


def _decode_int(value: Any, path: str) -> int:
    if isinstance(value, bool):
        raise wrong("a whole number", value, path)
    if isinstance(value, int):
        return value
    try:
        if isinstance(value, (Decimal, float)) and value == int(value):
            return int(value)
        # As an ID is handed over.
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
            return int(value)
    except (OverflowError, ValueError):  # infinity, NaN
        pass
    raise wrong("a whole number", value, path)


def _decode_float(value: Any, path: str) -> float:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return float(value)
    # PostgreSQL writes what JSON has no numbers for as text.
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    raise wrong("a number", value, path)


def _decode_bool(value: Any, path: str) -> bool:
    if isinstance(value, bool):
        return value
    raise wrong("a boolean", value, path)


def _decode_decimal(value: Any, path: str) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        try:
            return Decimal(value)
        except InvalidOperation:
            raise wrong("a number", value, path) from None
    if isinstance(value, float):
        return Decimal(repr(value))
    raise wrong("a number", value, path)


def _decode_uuid(value: Any, path: str) -> UUID:
    try:
        if isinstance(value, str):
            return UUID(value)
    except ValueError:
        pass
    raise wrong("a UUID", value, path)


# Python 3.10 reads neither "Z" nor a fraction of other than three or six digits.
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d+))?\s*(Z|z|[+-]\d\d(?::?\d\d)?)?"
)


def _decode_datetime(value: Any, path: str) -> datetime:
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise wrong("a date and time", value, path)
    day, time, seconds, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{seconds or ':00'}")
    except ValueError:
        raise wrong("a date and time", value, path) from None
    if fraction:
        moment = moment.replace(microsecond=int(fraction[:6].ljust(6, "0")))
    if zone in ("Z", "z"):
        return moment.replace(tzinfo=timezone.utc)
    if zone:
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return moment.replace(tzinfo=timezone(-offset if zone[0] == "-" else offset))
    return moment


def _decode_date(value: Any, path: str) -> date:
    try:
        if isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise wrong("a date", value, path)


def _decode_bytes(value: Any, path: str) -> bytes:
    try:
        if isinstance(value, str):
            # A column is written in hex, which no base64 looks like.
            if value.startswith("\\x"):
                return bytes.fromhex(value[2:])
            return base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        pass
    raise wrong("bytes in base64 or hex", value, path)


def _decode_json(value: Any, path: str) -> Any:
    """Take a JSON value as it is, but with floats for decimals."""
    del path
    if isinstance(value, Decimal):
        return float(value)
    if is_dict(value):
        return {key: _decode_json(one, "") for key, one in value.items()}
    if is_list(value):
        return [_decode_json(one, "") for one in value]
    return value


def unfit(expected: str, value: object, path: str) -> EncodeError:
    return EncodeError(f"{path or 'the result'} is {_shown(value)}, not {expected}")


def _encode_str(value: Any, path: str) -> str:
    if isinstance(value, str):
        return value
    raise unfit("a str", value, path)


def _encode_int(value: Any, path: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise unfit("an int", value, path)


def _encode_float(value: Any, path: str) -> float:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        number = float(value)
        if math.isfinite(number):
            return number
    raise unfit("a finite number", value, path)


def _encode_bool(value: Any, path: str) -> bool:
    if isinstance(value, bool):
        return value
    raise unfit("a bool", value, path)


def _encode_decimal(value: Any, path: str) -> str:
    if isinstance(value, (Decimal, int)) and not isinstance(value, bool):
        return format(value, "f") if Decimal(value).is_finite() else str(value)
    raise unfit("a Decimal", value, path)


def _encode_uuid(value: Any, path: str) -> str:
    if isinstance(value, UUID):
        return str(value)
    raise unfit("a UUID", value, path)


def _encode_datetime(value: Any, path: str) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise unfit("a datetime", value, path)


def _encode_date(value: Any, path: str) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    raise unfit("a date", value, path)


def _encode_bytes(value: Any, path: str) -> str:
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    raise unfit("bytes", value, path)


def encode_id(value: Any, path: str) -> str:
    """Make the text of an ID."""
    if isinstance(value, (str, UUID)) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise unfit("a str, int or UUID", value, path)


class Codec(NamedTuple):
    """The GraphQL scalar of a Python type, and how its values are read and written."""

    scalar: str
    decode: Callable[[Any, str], Any]
    encode: Callable[[Any, str], Any]


LEAF_CODECS: dict[type[Any], Codec] = {
    str: Codec("String", _decode_str, _encode_str),
    # Before the types that these are also of.
    bool: Codec("Boolean", _decode_bool, _encode_bool),
    int: Codec("Int", _decode_int, _encode_int),
    float: Codec("Float", _decode_float, _encode_float),
    Decimal: Codec("Decimal", _decode_decimal, _encode_decimal),
    UUID: Codec("ID", _decode_uuid, _encode_uuid),
    datetime: Codec("DateTime", _decode_datetime, _encode_datetime),
    date: Codec("Date", _decode_date, _encode_date),
    bytes: Codec("String", _decode_bytes, _encode_bytes),
}


def encode_any(value: Any, path: str) -> Any:
    """Make JSON of a value by what it is, where no annotation says more."""
    if value is None or isinstance(value, (str, bool)):
        return value.value if isinstance(value, enum.Enum) else value
    if isinstance(value, enum.Enum):
        return encode_any(value.value, path)
    for kind, codec in LEAF_CODECS.items():
        if isinstance(value, kind):
            return codec.encode(value, path)
    if is_mapping(value):
        encoded: dict[str, Any] = {}
        for key, one in value.items():
            if not isinstance(key, str):
                raise unfit("a dict with texts as keys", value, path)
            encoded[key] = encode_any(one, f"{path}.{key}" if path else key)
        return encoded
    cls = cast("Any", type(value))
    names: list[str]
    if dataclasses.is_dataclass(cls):
        names = [one.name for one in dataclasses.fields(cls)]
    elif hasattr(cls, "__struct_fields__"):
        names = list(cls.__struct_fields__)
    elif hasattr(cls, "model_fields"):
        names = list(cls.model_fields)
    elif is_items(value) and not isinstance(value, type):
        return [encode_any(one, f"{path}[{at}]") for at, one in enumerate(value)]
    else:
        raise unfit("something that JSON can express", value, path)
    return {
        name: encode_any(getattr(value, name), f"{path}.{name}" if path else name) for name in names
    }


def encode_default(value: object) -> Any:
    """Make JSON of what `json.dumps` has nothing for; its `default`. Raise EncodeError."""
    return encode_any(value, "a value")


JSON_CODEC = Codec("JSON", _decode_json, encode_any)

KNOWN_SCALARS = ("DateTime", "Date", "Decimal", "JSON")
"""Scalars that are defined for whoever uses them."""
