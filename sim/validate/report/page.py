"""One self-contained page: table, overlaid curves, definitions, settings of the runs, reasons for misses."""

from __future__ import annotations

import base64
import html
from pathlib import Path

from sim.validate.closed_form.base import Row
from sim.validate.families import FAMILIES
from sim.validate.report import table
from sim.validate.report.figures import png
from sim.validate.result import FileResult, Skipped

_STYLE = (
    "body{font:15px/1.45 sans-serif;max-width:1150px;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1em 0;font-size:13px}td,th{border:1px solid #ccc;padding:3px 7px;"
    "text-align:left;vertical-align:top}th{background:#f2f2f2}.FAIL{background:#fbd9d9}.pass{background:#e3f4e1}"
    "img{max-width:100%}h3{margin-top:2em}dt{font-weight:bold}dd{margin:0 0 .4em 1.5em}"
)
_DEFINITIONS = {
    "PDR, PRR": "receivers that got a packet / receivers present in the distance bin, pooled over packets; "
    "packets that never "
    "left their queue count as lost; a sender's own place does not count",
    "causes": "exclusive, in a fixed order: half duplex (or receiver busy), below sensitivity, propagation (lost "
    "to noise "
    "alone), collision (lost with interference only); one uniform number per packet and receiver decides both",
    "deviation": "mean over the distances of |ours - expected|, so that signs do not cancel",
    "interval": "95 % half-width of the mean over independent replications, Student's t",
    "bins": "centred on the distances of the file",
    "family average": "mean deviation over the files in which a quantity is judged, against the mean of their "
    "tolerances",
}


def write_page(
    target: Path, results: list[FileResult], rows: list[Row], skipped: list[Skipped], folder: Path | None, effort: str
) -> Path:
    """Write the page and return its path.

    ``target`` ending in ``.html`` or ``.htm``: that file, pictures inside it; ``.md``: Markdown with pictures in a
    folder beside it; anything else: a folder that gets ``index.html``. OSError where it cannot be written.
    """
    if target.suffix.lower() == ".md":
        return _markdown(target, results, rows, skipped, folder, effort)
    path = target if target.suffix.lower() in (".html", ".htm") else target / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_html(results, rows, skipped, folder, effort), encoding="utf-8")
    return path


def as_html(
    results: list[FileResult], rows: list[Row], skipped: list[Skipped], folder: Path | None, effort: str
) -> str:
    """The page as one HTML document without references to anything outside."""
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Radio validation</title>'
        f"<style>{_STYLE}</style>"
        "</head><body><h1>Radio models against published curves</h1>",
        *(f"<p><b>{html.escape(line)}</b></p>" for line in table.verdict_lines(results, rows)),
        f"<p>{html.escape(effort)}</p>" if results else "",
    ]
    for family, described in FAMILIES.items():
        some = [result for result in results if result.family == family]
        if some:
            parts.append(f"<h2>{html.escape(described.title)}</h2><p>Tolerance: {html.escape(described.rule)}.</p>")
            parts.append(_table([table.COLUMNS, *(table.cells(result, folder) for result in some)]))
    if results:
        parts += ["<h2>Averages over a family</h2>", _table(table.average_cells(results))]
    if rows:
        parts += ["<h2>Closed forms</h2>", _table(table.row_cells(rows))]
        parts += [f"<p>{html.escape(one)}</p>" for one in _remarks(rows)]
    parts.append("<h2>Definitions</h2><dl>")
    parts += [f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in _DEFINITIONS.items()]
    parts.append("</dl><h2>Settings by family</h2>")
    for family in dict.fromkeys(result.family for result in results):
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in FAMILIES[family].method)
        parts.append(f"<h3>{html.escape(FAMILIES[family].title)}</h3><ul>{lines}</ul>")
    parts.append("<h2>Files</h2>" if results else "")
    parts += [_file(result, folder) for result in results]
    if skipped:
        lines = "".join(f"<li>{html.escape(str(one.path))}: {html.escape(one.reason)}</li>" for one in skipped)
        parts.append(f"<h2>Skipped</h2><ul>{lines}</ul>")
    return "\n".join([*parts, "</body></html>\n"])


def _table(rows: list[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in rows[0])
    body = "".join(
        f'<tr class="{html.escape(row[0])}">' + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows[1:]
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _file(result: FileResult, folder: Path | None) -> str:
    name = result.path.name if folder is None else table.file_name(result.path, folder)
    parts = [f"<h3>{html.escape(name)}</h3>"]
    if result.failures:
        parts.append(f'<p class="FAIL">Out of tolerance: {html.escape(", ".join(result.failures))}</p>')
    parts += [f"<p>{html.escape(note)}</p>" for note in result.notes]
    if result.panels:
        data = base64.b64encode(png(result)).decode("ascii")
        parts.append(f'<img alt="{html.escape(name)}" src="data:image/png;base64,{data}">')
    if result.facts:
        rows = "".join(
            f"<tr><td>{html.escape(key)}</td><td>{html.escape(value)}</td></tr>" for key, value in result.facts.items()
        )
        parts.append(f"<details><summary>settings and models of this run</summary><table>{rows}</table></details>")
    return "\n".join(parts)


def _remarks(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(f"{row.experiment}: {row.remark}" for row in rows if row.remark))


def _markdown(
    target: Path, results: list[FileResult], rows: list[Row], skipped: list[Skipped], folder: Path | None, effort: str
) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    pictures = target.parent / f"{target.stem}_pictures"
    parts = ["# Radio models against published curves", "", *table.verdict_lines(results, rows), "", effort, ""]
    for family in dict.fromkeys(result.family for result in results):
        some = [result for result in results if result.family == family]
        described = FAMILIES[family]
        parts += [f"## {described.title}", "", f"Tolerance: {described.rule}.", ""]
        parts += _markdown_table([table.COLUMNS, *(table.cells(result, folder) for result in some)])
        parts += ["", *(f"- {line}" for line in described.method), ""]
    if results:
        parts += ["## Averages over a family", "", *_markdown_table(table.average_cells(results)), ""]
    if rows:
        parts += ["## Closed forms", "", *_markdown_table(table.row_cells(rows)), "", *_remarks(rows), ""]
    parts += ["## Definitions", "", *(f"- **{name}**: {text}" for name, text in _DEFINITIONS.items()), ""]
    for result in results:
        parts += _markdown_file(result, folder, pictures)
    parts += [f"- skipped {one.path}: {one.reason}" for one in skipped]
    target.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return target


def _markdown_table(rows: list[tuple[str, ...]]) -> list[str]:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def _markdown_file(result: FileResult, folder: Path | None, pictures: Path) -> list[str]:
    name = result.path.name if folder is None else table.file_name(result.path, folder)
    lines = [f"## {name}", ""]
    lines += [f"Out of tolerance: {', '.join(result.failures)}", ""] if result.failures else []
    lines += [*result.notes, ""]
    if result.panels:
        picture = name.removesuffix(".csv").replace("/", "_") + ".png"
        pictures.mkdir(parents=True, exist_ok=True)
        (pictures / picture).write_bytes(png(result, 100))
        lines += [f"![{name}]({pictures.name}/{picture})", ""]
    return [*lines, *(f"- {key}: {value}" for key, value in result.facts.items()), ""]
