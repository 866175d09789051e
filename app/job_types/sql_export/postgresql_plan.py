"""PostgreSQL's plans in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.job_types.sql_export.source import Plan

_ABOUT = (("Relation Name", " on {}"), ("Index Name", " by {}"), ("CTE Name", " of {}"), ("Function Name", " of {}"))


def plan_of(node: Mapping[str, Any]) -> Plan:
    """``node`` is the top one of EXPLAIN (FORMAT JSON)."""
    rows = node.get("Plan Rows")
    return Plan(int(rows) if rows else None, node.get("Total Cost"), list(_steps(node)))


def _steps(node: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    if not node:
        return
    about = "".join(words.format(node[name]) for name, words in _ABOUT if name in node)
    yield f"{'  ' * depth}{node.get('Node Type', '')}{about}, about {node.get('Plan Rows', 0):,} rows"
    for below in node.get("Plans", ()):
        yield from _steps(below, depth + 1)
