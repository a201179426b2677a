"""The pages for people: the first page, and the API's documentation drawn from its own OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

import flask

from web.problems import KINDS
from web.serving import serving

__all__ = ["blueprint"]

blueprint: Final = flask.Blueprint("pages", __name__)

_HTML: Final = ("text/html", "text/*", "application/xhtml+xml")
_METHODS: Final = ("get", "post", "put", "delete")


@blueprint.get("/")
def index() -> str | dict[str, str]:
    """The first page: a user's feed, with reasons, and the people around them.

    With a player there, JSON unless HTML is asked for, as programs that play expect it.
    """
    accepted = flask.request.accept_mimetypes
    wants_page = accepted["text/html"] > 0 and any(kind in _HTML for kind in accepted.values())
    if serving().player and not wants_page:
        return {"service": "entourage", "docs": "/docs"}
    return flask.render_template("index.html")


@blueprint.get("/openapi.json")
def openapi() -> dict[str, Any]:
    """The API's description in OpenAPI 3.1."""
    return _document()


@blueprint.get("/docs")
def docs() -> str:
    """The same for people, with a form to try each call."""
    document = _document()
    schemas = document["components"]["schemas"]
    operations: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for address, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method] | {"method": method, "path": address}
                operation["answer"] = _fields(operation["responses"]["200"], schemas)
                operation["example"] = _example(operation, schemas)
                operations[operation["tags"][0]].append(operation)
    return flask.render_template(
        "docs.html", info=document["info"], tags=document["tags"], operations=operations, problems=KINDS.values()
    )


def _document() -> dict[str, Any]:
    document: dict[str, Any] = flask.current_app.api_doc  # type: ignore[attr-defined]
    for methods in document["paths"].values():
        for operation in methods.values():
            if not operation.get("parameters") and "requestBody" not in operation:
                operation["responses"].pop("422", None)  # flask-openapi3 adds it where nothing can be wrong, too
    return document


def _example(operation: dict[str, Any], schemas: dict[str, Any]) -> Any:
    for media in operation.get("requestBody", {}).get("content", {}).values():
        return schemas[media["schema"]["$ref"].rsplit("/", 1)[1]].get("example")
    return None


def _fields(response: dict[str, Any], schemas: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Name, type and meaning of every field of an answer, nested ones below their parent."""
    rows: list[tuple[str, str, str]] = []

    def walk(schema: dict[str, Any], prefix: str) -> None:
        for name, field in schema.get("properties", {}).items():
            rows.append((prefix + name, _type(field), field.get("description", "")))
            inner = field.get("items", field)
            if "$ref" in inner:
                mark = "[]." if "items" in field else "."
                walk(schemas[inner["$ref"].rsplit("/", 1)[1]], prefix + name + mark)

    for media in response.get("content", {}).values():
        walk(schemas[media["schema"]["$ref"].rsplit("/", 1)[1]], "")
    return rows


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"])
    if "enum" in field:
        return " | ".join(str(value) for value in field["enum"])
    if "const" in field:
        return str(field["const"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    return str(field["$ref"].rsplit("/", 1)[1] if "$ref" in field else field.get("type", "any"))
