"""What Codat accepts of a company: the pure rules of names and tags."""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_TAGS = 10
MAX_TAG_KEY = 27
MAX_TAG_VALUE = 100

# https://docs.codat.io/core-concepts/companies: letters and numbers, white space and - ' & @ . , ? !
_FORBIDDEN_IN_NAME = re.compile(r"[^A-Za-z0-9\s\-'&@.,?!]", re.ASCII)


def kept_name(name: str) -> str:
    """Give the name as Codat keeps it: every forbidden character silently removed."""
    return _FORBIDDEN_IN_NAME.sub("", name)


def company_faults(content: object) -> list[tuple[str, str]]:
    """List what is wrong with the body of a new company, as (field, message); empty if it is right."""
    if not isinstance(content, Mapping):
        return [("", "The body must be a JSON object.")]
    return name_faults(content) + description_faults(content) + tag_faults(content.get("tags"))


def name_faults(content: Mapping[object, object]) -> list[tuple[str, str]]:
    """List what is wrong with a name: none, or only white space. One that loses all its characters is not wrong."""
    name = content.get("name")
    return [] if isinstance(name, str) and name.strip() else [("name", "'name' must not be empty.")]


def description_faults(content: Mapping[object, object]) -> list[tuple[str, str]]:
    """List what is wrong with a description: anything but text."""
    description = content.get("description")
    return (
        [] if description is None or isinstance(description, str) else [("description", "'description' must be text.")]
    )


def tag_faults(tags: object) -> list[tuple[str, str]]:
    """List what is wrong with tags: at most 10, keys of 1 to 27 characters, values of at most 100."""
    if tags is None:
        return []
    if not isinstance(tags, Mapping):
        return [("tags", "'tags' must be an object.")]
    faults = []
    if len(tags) > MAX_TAGS:
        faults.append(("tags", f"A company has at most {MAX_TAGS} tags."))
    for key, value in tags.items():
        if not 1 <= len(str(key)) <= MAX_TAG_KEY:
            faults.append((f"tags.{key}", f"A tag's key has 1 to {MAX_TAG_KEY} characters."))
        if not isinstance(value, str):
            faults.append((f"tags.{key}", "A tag's value must be text."))
        elif len(value) > MAX_TAG_VALUE:
            faults.append((f"tags.{key}", f"A tag's value has at most {MAX_TAG_VALUE} characters."))
    return faults
