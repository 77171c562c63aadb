"""Put the page's files and its data into one HTML file, which needs no other file and sends no request."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

START, WORKER_START = "main.js", "lab_worker.js"  # of the page, and of the Web Worker that trains
IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w.]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|const|class) (\w+))", re.MULTILINE)
INCLUDE = re.compile(r"^[ \t]*<!-- include ([\w.]+) -->\n", re.MULTILINE)
STYLES = ("style.css", "lab.css")

# The browser runs the scripts and styles with these hashes only, and sends no request.
POLICY = (
    "default-src 'none'; script-src {scripts}; style-src {styles}; img-src data: blob:; worker-src blob:; "
    "connect-src 'none'; base-uri 'none'; form-action 'none'"
)


def page(data: Mapping[str, Any]) -> str:
    """Return the HTML file.

    Args:
        data: each value becomes a `<script type="application/json">` with the id data-KEY.
    """
    script, style = module(START), "".join(_read(name) for name in STYLES)
    html = INCLUDE.sub(lambda found: _read(found[1]), _read("index.html"))
    policy = POLICY.format(scripts=_hash(script), styles=_hash(style))
    scripts = [
        *(f'<script type="application/json" id="data-{name}">{_json(value)}</script>' for name, value in data.items()),
        f'<script type="text/plain" id="worker-source">{module(WORKER_START)}</script>',
        f'<script type="module">{script}</script>',
    ]
    for name, inside in (
        ("policy", f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        ("style", f"<style>{style}</style>"),
        ("script", "\n".join(scripts)),
    ):
        html = html.replace(f"<!-- {name} -->", inside)
    return html


def module(start: str) -> str:
    """Return one script: the ES module `start` and all that it imports, each before those that import it.

    Each module becomes a function that returns its exports, so that its other names stay its own. At the end, the
    exports of `start` are names of the script.
    """
    sources: dict[str, str] = {}
    _collect(start, sources, ())
    script = "".join(
        f"const {_variable(name)} = (() => {{\n{EXPORT.sub('', source)}\nreturn {_exports(source)};\n}})();\n\n"
        for name, source in sources.items()
    )
    script += f"const {_exports(sources[start])} = {_variable(start)};\n"
    assert not re.search(r"</script|<!--|^(?:import|export)\b", script, re.MULTILINE), start
    return script


def _collect(name: str, sources: dict[str, str], importing: tuple[str, ...]) -> None:
    """Add a module to `sources`, after the modules that it imports, with its imports as assignments."""
    assert name not in importing, f"{name} imports itself, by {importing}"
    if name in sources:
        return
    source = _read(name)
    for names, other in IMPORT.findall(source):
        _collect(other, sources, (*importing, name))
        missing = {part.strip() for part in names.split(",") if part.strip()} - set(EXPORT.findall(sources[other]))
        assert not missing, f"{name} imports {missing}, which {other} does not export"
    sources[name] = IMPORT.sub(lambda found: f"const {{{found[1]}}} = {_variable(found[2])};\n", source)


def _exports(source: str) -> str:
    return f"{{ {', '.join(EXPORT.findall(source))} }}"


def _variable(name: str) -> str:
    """Return the variable that holds a module's exports: dom.js -> dom_js."""
    return name.replace(".", "_")


def _read(name: str) -> str:
    return (files("mnist_mlp") / "demo" / "page" / name).read_text("utf-8")


def _json(value: Any) -> str:
    """Return the value as JSON that cannot end the script element."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
