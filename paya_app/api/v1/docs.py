"""`GET /v1/docs`: the description of `/v1` as a page to read. Nothing is loaded from anywhere, and no script runs."""

import json
import re
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from paya_app.api.v1.description import described
from paya_app.api.v1.refusals import refusals

router = APIRouter()

_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>The API · PaYa</title>
<link rel="icon" href="/favicon.ico">
<style>{style}</style>
</head>
<body>
<header><a class="mark" href="/">PaYa</a></header>
<main>
<h1>The API, version {version}</h1>
<p>{about}</p>
<p><a href="/v1/openapi.json">The same in OpenAPI {openapi}</a>, for programs.</p>
<nav aria-label="Routes">{contents}</nav>
{parts}
</main>
</body>
</html>
"""
_STYLE = """
:root { --ink: #14181f; --soft: #4b5563; --line: #d5d9e0; --ground: #fff; --code: #f3f4f6; --link: #0b57d0 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceff4; --soft: #b3bac5; --line: #3a4250; --ground: #12151b; --code: #1d222b; --link: #9cc1ff }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.55 system-ui, sans-serif; color: var(--ink);
  background: var(--ground) }
a { color: var(--link) }
.mark { font-weight: 700; font-size: 1.25rem; color: inherit; text-decoration: none }
h2 { margin-top: 3rem } h3 { margin: 2.5rem 0 .25rem; border-top: 1px solid var(--line); padding-top: 1.5rem;
  overflow-wrap: anywhere; font-family: ui-monospace, monospace; font-size: 1.05rem }
h4 { margin: 1.25rem 0 .25rem }
ul { list-style: none; padding: 0; margin: .25rem 0; overflow-wrap: anywhere }
li { margin: .4rem 0 } nav li { margin: 0 }
li ul { padding-left: 1rem } nav a { display: block; padding: .6rem 0 } li p { margin: 0 0 0 1rem; color: var(--soft) }
code, pre { font-family: ui-monospace, monospace; font-size: .9rem }
pre { background: var(--code); padding: .75rem; overflow-x: auto; border-radius: .5rem }
"""
_MODELS = re.compile(r"#/components/schemas/(\w+)")
_UNSAID = "Successful Response"  # what FastAPI says where nobody has said anything
_METHODS = ("get", "post", "put", "patch", "delete")


@router.get("/v1/docs", include_in_schema=False)
@router.get("/v1/docs/", include_in_schema=False)
async def read_docs(request: Request) -> HTMLResponse:
    """The page."""
    return HTMLResponse(page(described(request.app)), headers={"cache-control": "no-cache"})


def page(description: dict[str, Any]) -> str:
    """A description of OpenAPI as HTML. Whatever it says is escaped."""
    contents, parts = [], []
    for tag in description["tags"]:
        found = [
            (method, path, operation)
            for path, operations in description["paths"].items()
            for method, operation in operations.items()
            if method in _METHODS and tag["name"] in operation["tags"]
        ]
        contents += [
            f'<li><a href="#{escape(o["operationId"])}">{escape(m.upper())} {escape(p)}</a></li>' for m, p, o in found
        ]
        routes = "\n".join(_route(method, path, operation, description) for method, path, operation in found)
        parts.append(f"<section><h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>{routes}</section>")
    shapes = "\n".join(_shape(name, schema) for name, schema in description["components"]["schemas"].items())
    parts.append(f"<section><h2>Shapes</h2><p>What answers are made of.</p>{shapes}</section>")
    parts.append(_refusals())
    return _DOCUMENT.format(
        style=_STYLE,
        version=escape(description["info"]["version"]),
        about=_text(description["info"]["description"]),
        openapi=escape(description["openapi"]),
        contents=f"<ul>{''.join(contents)}</ul>",
        parts="\n".join(parts),
    )


def _route(method: str, path: str, operation: dict[str, Any], description: dict[str, Any]) -> str:
    lines = [
        f'<h3 id="{escape(operation["operationId"])}">{escape(method.upper())} {escape(path)}</h3>',
        *(f"<p>{_text(paragraph)}</p>" for paragraph in operation["description"].split("\n\n")),
    ]
    if schemes := [name for each in operation.get("security", ()) for name in each]:
        about = description["components"]["securitySchemes"][schemes[0]]["description"]
        lines.append(f"<p>Who asks: {_text(about)}</p>")
    if parameters := operation.get("parameters"):
        told = {each["name"]: {**each["schema"], "description": each["description"]} for each in parameters}
        lines += ["<h4>Asked with</h4>", _fields(told, [each["name"] for each in parameters if each.get("required")])]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        lines += ["<h4>Body</h4>", _fields(body["schema"]["properties"], body["schema"].get("required", []))]
        for name, example in body.get("examples", {}).items():
            written = json.dumps(example["value"], indent=2)
            label = f"Example of {operation['operationId']}: {name}"
            lines.append(f'<pre tabindex="0" role="region" aria-label="{escape(label)}">{escape(written)}</pre>')
    lines += ["<h4>Answers</h4>", _answers(operation["responses"], description)]
    return "\n".join(lines)


def _refusals() -> str:
    """What routes with a key refuse with: where `doc_url` of a problem leads."""
    lines = "".join(
        f'<li id="error-{escape(code)}"><code>{escape(code)}</code> {status}<p>{_text(about)}</p></li>'
        for code, status, about in refusals()
    )
    return f"<section><h2>Refusals</h2><p>Each problem's <code>code</code>.</p><ul>{lines}</ul></section>"


def _shape(name: str, schema: dict[str, Any]) -> str:
    about = _text(schema.get("description", ""))
    fields = _fields(schema.get("properties", {}), [])
    return f'<h3 id="shape-{escape(name)}">{escape(name)}</h3><p>{about}</p>{fields}'


def _answers(responses: dict[str, Any], description: dict[str, Any]) -> str:
    lines = []
    for status, response in responses.items():
        about = "" if response["description"] == _UNSAID else _text(response["description"])
        told = f"<code>{escape(status)}</code> {about}"
        for content in response.get("content", {}).values():
            for name in _MODELS.findall(json.dumps(content["schema"])) if status.startswith("2") else ():
                schema = description["components"]["schemas"][name]
                told += f" {_text(schema.get('description', ''))}{_fields(schema['properties'], [])}"
        lines.append(f"<li>{told}</li>")
    return f"<ul>{''.join(lines)}</ul>"


def _fields(properties: dict[str, Any], required: list[str]) -> str:
    lines = []
    for name, described_as in properties.items():
        # of what may be null, the other kind says what it is
        schema = {**next(iter(described_as.get("anyOf", ())), {}), **described_as}
        told = f"<code>{escape(name)}</code>: {_kind(described_as)}{', needed' if name in required else ''}"
        bounds = " to ".join(str(int(schema[key])) for key in ("minimum", "maximum") if key in schema)
        about = f"{_text(schema.get('description', ''))} {escape(bounds)}".strip()
        lines.append(f"<li>{told}{f'<p>{about}</p>' if about else ''}</li>")
    return f"<ul>{''.join(lines)}</ul>"


def _kind(schema: dict[str, Any]) -> str:
    """`text`, `one of a, b`, `list of integer or null`, as a reader would say it; a shape leads to where it is told."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#shape-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(escape(str(each)) for each in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(str(schema.get("format") or schema.get("type") or "anything"))


def _text(text: str) -> str:
    """A description's sentence; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(text.split())))
