"""What ``corridor list`` shows, read from each room's own table."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Item:
    """One thing that can be named."""

    name: str
    what: str
    source: str = ""

    def text(self) -> str:
        """Meaning and source in one line."""
        return f"{self.what} [{self.source}]" if self.source else self.what


def scenarios() -> list[Item]:
    """Shipped scenarios, examples included."""
    from sim.scenario.shipped import shipped_scenarios

    return [Item(name, _title(file)) for name, file in shipped_scenarios().items()]


def layouts() -> list[Item]:
    """Shipped layouts: their note, else the names of their rules."""
    from rsu.document import read_document
    from sim.scenario.shipped import shipped_files

    items = []
    for name, file in shipped_files("layouts").items():
        data = read_document(file).data
        rules = [rule.get("name") or rule.get("named", "") for rule in data.get("rules", [])]
        sites = len(data.get("sites", []))
        if data.get("note"):
            items.append(Item(name, data["note"]))
            continue
        items.append(Item(name, "; ".join([*rules, *([f"{sites} units by hand"] if sites else [])])))
    return items


def candidates() -> list[Item]:
    """Shipped candidates."""
    from sim.scenario.shipped import shipped_files

    return [Item(name, _title(file)) for name, file in shipped_files("candidates").items()]


def campaigns() -> list[Item]:
    """Shipped campaigns."""
    from sim.scenario.shipped import shipped_files

    return [Item(name, _title(file)) for name, file in shipped_files("campaigns").items()]


def requirements() -> list[Item]:
    """Shipped files of requirements and the documents they come from."""
    from rsu.document import read_document
    from sim.scenario.shipped import shipped_files

    files = shipped_files("requirements")
    return [Item(name, _title(file), read_document(file).data["source"]["doc"]) for name, file in files.items()]


def profiles() -> list[Item]:
    """Shipped profiles with how many of their keys are sourced."""
    from rsu.profile import load_profile
    from sim.scenario.shipped import shipped_files

    items = []
    for name, file in shipped_files("profiles").items():
        profile = load_profile(file)
        bases = [entry.basis for entry in profile.entries.values()]
        counts = ", ".join(f"{bases.count(one)} {one}" for one in dict.fromkeys(bases))
        items.append(Item(name, f"{profile.title}: {counts}"))
    return items


def siting_rules() -> list[Item]:
    """Published spacing rules by region."""
    from rsu.siting import NAMED_RULES

    return [
        Item(rule.name, rule.summary(), f"{rule.basis}: {rule.source}" + (f"; ours: {rule.ours}" if rule.ours else ""))
        for rule in NAMED_RULES.values()
    ]


def message_sets() -> list[Item]:
    """Message sets with their messages."""
    from rsu.messages import MESSAGE_SETS

    items = []
    for name, one in MESSAGE_SETS.items():
        items.append(Item(name, f"{one.title}: {', '.join(one.codec.messages)}", one.source))
    return items


def tables() -> list[Item]:
    """Packet error tables with the source written in each file."""
    from sim.link import LINK_TABLES, load_table

    items = []
    for name, file in LINK_TABLES.items():
        channel = f", {file.channel}" if file.channel else ""
        items.append(Item(name, f"{file.file}{channel}", load_table(name).source))
    return items


def access() -> list[Item]:
    """Access layers."""
    return _from_table("sim.access", "ACCESS")


def path_loss() -> list[Item]:
    """Path loss models."""
    return _from_table("sim.channel", "PATH_LOSS")


def kpis() -> list[Item]:
    """KPI families."""
    return _from_table("sim.metrics", "KPIS")


def figures() -> list[Item]:
    """Figures."""
    return _from_table("sim.plots", "FIGURES")


def _from_table(module: str, table: str) -> list[Item]:
    """The rows of a room's table, each explained by the first paragraph of its own text."""
    rows = getattr(importlib.import_module(module), table)
    items = []
    for name, row in rows.items():
        thing = _imported(row) if isinstance(row, str) else row
        items.append(Item(name, _first_paragraph(thing), _source(thing)))
    return items


def _imported(path: str) -> Any:
    """What ``module:attribute`` names."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _first_paragraph(thing: Any) -> str:
    text = getattr(thing, "__doc__", None) or ""
    return " ".join(text.strip().partition("\n\n")[0].split()).rstrip(".")


def _source(thing: Any) -> str:
    source = getattr(thing, "source", "")
    return source if isinstance(source, str) else ""


def _title(file: Path) -> str:
    from rsu.document import read_document

    data = read_document(file).data
    return " ".join(text for text in (data.get("title"), data.get("title_zh")) if text)


CATALOGUE: dict[str, Callable[[], list[Item]]] = {
    "scenarios": scenarios,
    "layouts": layouts,
    "candidates": candidates,
    "campaigns": campaigns,
    "requirements": requirements,
    "profiles": profiles,
    "siting-rules": siting_rules,
    "access": access,
    "message-sets": message_sets,
    "path-loss": path_loss,
    "tables": tables,
    "kpis": kpis,
    "figures": figures,
}
