"""The rules for a company's name, description and tags. PURE."""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_TAGS = 10
MAX_TAG_KEY = 27
MAX_TAG_VALUE = 100

# https://docs.codat.io/core-concepts/companies: letters and numbers, white space and - ' & @ . , ? !
_FORBIDDEN_IN_NAME = re.compile(r"[^A-Za-z0-9\s\-'&@.,?!]", re.ASCII)


def stored_name(name: str) -> str:
    """Return the name as Codat stores it: every forbidden character is silently removed."""
    return _FORBIDDEN_IN_NAME.sub("", name)


def company_errors(content: object, *, needs_products: bool = False) -> list[tuple[str, str]]:
    """Return the errors in the body of a new company, as pairs of field and message.

    `needs_products` means that the client has no default products, so each company must name some. A name that loses
    all its characters is accepted, as in Codat.
    """
    if not isinstance(content, Mapping):
        return [("", "The body must be a JSON object.")]
    name, description = content.get("name"), content.get("description")
    errors = []
    if not isinstance(name, str) or not name.strip():
        errors.append(("name", "'name' must not be empty."))
    if description is not None and not isinstance(description, str):
        errors.append(("description", "'description' must be text."))
    return errors + _product_errors(content.get("products"), is_needed=needs_products) + tag_errors(content.get("tags"))


def _product_errors(products: object, *, is_needed: bool) -> list[tuple[str, str]]:
    if products is not None and not (isinstance(products, list) and all(isinstance(each, str) for each in products)):
        return [("products", "'products' must be a list of texts.")]
    if is_needed and not products:
        return [("products", "At least one product must be assigned: the client has no default products.")]
    return []


def tag_errors(tags: object) -> list[tuple[str, str]]:
    """Return the errors in tags. At most 10 are allowed, with keys of 1 to 27 characters and values of up to 100."""
    if tags is None:
        return []
    if not isinstance(tags, Mapping):
        return [("tags", "'tags' must be an object.")]
    errors = []
    if len(tags) > MAX_TAGS:
        errors.append(("tags", f"A company has at most {MAX_TAGS} tags."))
    for key, value in tags.items():
        if not 1 <= len(str(key)) <= MAX_TAG_KEY:
            errors.append((f"tags.{key}", f"The key of a tag has 1 to {MAX_TAG_KEY} characters."))
        if not isinstance(value, str):
            errors.append((f"tags.{key}", "The value of a tag must be text."))
        elif len(value) > MAX_TAG_VALUE:
            errors.append((f"tags.{key}", f"The value of a tag has at most {MAX_TAG_VALUE} characters."))
    return errors
