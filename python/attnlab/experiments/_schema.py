"""Checks JSON against the part of JSON Schema (draft 2020-12) that schema.json uses. The package needs numpy only, so
the jsonschema library is not asked for; tests/python/test_experiments.py compares the two where it is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name])


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def validate(value: Any, schema: Mapping[str, Any], place: str) -> None:
    """Raises ValueError naming the first place that does not fit, its value and what is expected there."""

    def refuse(expected: str) -> None:
        shown = json.dumps(value)
        raise ValueError(f"{place}: got {shown if len(shown) <= 60 else shown[:60] + '...'}, expected {expected}")

    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(_is(value, name) for name in types):
        refuse(" or ".join(_article(name) for name in types))
    if isinstance(value, dict):
        _validate_object(value, schema, place)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            validate(item, schema.get("items", {}), f"{place}[{index}]")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            refuse(f"at least {schema['minimum']}")
        if value > schema.get("maximum", value):
            refuse(f"at most {schema['maximum']}")
        if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
            refuse(f"less than {schema['exclusiveMaximum']}")


def _validate_object(value: dict[str, Any], schema: Mapping[str, Any], place: str) -> None:
    known: dict[str, Any] = schema.get("properties", {})
    others = schema.get("additionalProperties", {})
    for key in schema.get("required", []):
        if key not in value:
            raise ValueError(f"{place}: got no '{key}', expected {', '.join(schema['required'])}")
    for key, item in value.items():
        if key in known:
            validate(item, known[key], f"{place}.{key}")
        elif others is False:
            raise ValueError(f"{place}: got the unknown key '{key}', expected one of {', '.join(known)}")
        else:
            validate(item, others, f"{place}.{key}")
