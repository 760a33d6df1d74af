"""Names of posterior columns, and filters on a probability written as filters on them.

``p(redshift > 0.3) > 0.9`` holds where the 10 % quantile is above 0.3: a filter on a probability is
one on a quantile, and needs no function that the engine lacks. Nothing heavy is imported here, so
that a search which has no such filter pays nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from skylore.errors import FilterError
from skylore.near_names import hint_of

__all__ = ["LEVELS", "category_columns", "expand_probabilities", "level_column"]

LEVELS = (
    *(0.01, 0.025, 0.05, 0.1, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5),
    *(0.6, 0.7, 0.75, 0.8, 0.84, 0.9, 0.95, 0.975, 0.99),
)
"""Probabilities of the quantiles that are stored."""

_NAME = r"(?P<{0}>[A-Za-z_]\w*|`[^`]+`|\"[^\"]+\")"
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_PROBABILITY = re.compile(
    r"(?<![\w.`\"])[pP]\s*\(\s*"
    + _NAME.format("column")
    + r"\s*(?P<inner><=|>=|<>|!=|=|<|>)\s*(?P<value>'(?:[^']|'')*'|"
    + _NUMBER
    + r")\s*\)\s*(?P<outer><=|>=|<|>)\s*(?P<share>"
    + _NUMBER
    + r")"
)
_CALL = re.compile(r"(?<![\w.`\"])[pP]\s*\(")
_EVERY = ("_q500", "_likeliest")
"""Ends of a column that every posterior of a number, or of categories, has."""
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_EITHER = re.compile(f"{_QUOTED.pattern}|{_PROBABILITY.pattern}")
_SIGNS = {
    (">", True): ">",
    (">=", True): ">=",
    ("<", True): "<",
    ("<=", True): "<=",
    (">", False): "<=",
    (">=", False): "<",
    ("<", False): ">=",
    ("<=", False): ">",
}
"""How a quantile lies to ``t``, by the sign before ``t`` and whether more than a share is asked.

With ``q(u)`` the smallest value whose distribution function reaches ``u``, P(x > t) > c holds just
where q(1 − c) > t, and P(x ≥ t) > c where q(1 − c) ≥ t: they differ at caps and whole numbers.
"""


def level_column(target: str, level: float) -> str:
    """Name the column of a quantile, in per mille: ``redshift_q100`` is the 10 % quantile."""
    return f"{target}_q{round(level * 1000):03d}"


def category_columns(target: str, categories: Sequence[str]) -> dict[str, str]:
    """Name the column of each category's probability, in letters that need no quotes.

    Categories that differ by other characters alone, as ``E`` and ``E?`` do, get a digest each, so
    that a name depends on nothing but its own category.
    """
    plain = {category: _plain(category) for category in categories}
    alike = Counter(plain.values())
    return {
        category: f"{target}_p_{plain[category]}"
        if alike[plain[category]] == 1
        else _told_apart(target, category)
        for category in categories
    }


def _plain(category: str) -> str:
    return re.sub(r"\W+", "_", category.lower()).strip("_") or "category"


def _told_apart(target: str, category: str) -> str:
    digest = hashlib.sha256(category.encode()).hexdigest()[:6]
    return f"{target}_p_{_plain(category)}_{digest}"


def expand_probabilities(text: str, columns: Collection[str]) -> str:
    """Write ``p(column > value) > share`` in a filter as a condition on stored columns.

    Parameters
    ----------
    text : str
        A filter as users write it, not yet checked. One without ``p(…)`` is returned as it is.
    columns : collection of str
        Of the archive.

    Raises
    ------
    FilterError
        The posterior is not there, a share is beyond what is stored, or ``p(…)`` is not read.

    Examples
    --------
    >>> expand_probabilities("p(z > 0.3) > 0.9 AND mag < 20", ["mag", "z_q100"])
    '(`z_q100` > 0.3) AND mag < 20'
    """
    if not _CALL.search(_QUOTED.sub("''", text)):
        return text
    write = _one(columns)
    expanded = _EITHER.sub(lambda found: write(found) if found["column"] else found[0], text)
    if _CALL.search(_QUOTED.sub("''", expanded)):
        raise FilterError(
            f"cannot read the probability in {text[:200]!r}; write p(column > number) > share, "
            "p(column < number) < share or p(column = 'category') > share"
        )
    return expanded


def _one(columns: Collection[str]) -> Callable[[re.Match[str]], str]:
    def write(found: re.Match[str]) -> str:
        target = found["column"].strip('`"')
        share = float(found["share"])
        if not 0 <= share <= 1:
            raise FilterError(f"{found['share']} is no probability; give one between 0 and 1")
        if found["value"].startswith("'"):
            return _category(target, found["value"][1:-1].replace("''", "'"), found, columns)
        if found["inner"] in {"=", "<>", "!="} and f"{target}_likeliest" in columns:
            # A column of two numbers has categories, too.
            return _category(target, f"{float(found['value']):.10g}", found, columns)
        return _number(target, found, share, columns)

    return write


def _category(target: str, category: str, found: re.Match[str], columns: Collection[str]) -> str:
    exact = _told_apart(target, category)
    column = exact if exact in columns else f"{target}_p_{_plain(category)}"
    if found["inner"] not in {"=", "<>", "!="}:
        raise FilterError(f"categories of {target!r} have no order; ask p({target} = 'one')")
    start = f"{target}_p_"
    others = [c.removeprefix(start) for c in columns if c.startswith(start)]
    if column not in columns and others:
        hint = hint_of(_plain(category), others)
        raise FilterError(f"{target!r} has no category {category!r} in its posterior; {hint}")
    _require(target, [column], columns)
    chance = f"`{column}`" if found["inner"] == "=" else f"(1 - `{column}`)"
    return f"({chance} {found['outer']} {found['share']})"


def _number(target: str, found: re.Match[str], share: float, columns: Collection[str]) -> str:
    above = found["inner"] in {">", ">="}
    if found["inner"] in {"=", "<>", "!="}:
        raise FilterError(f"p({target} = number) is not stored; ask for >, >=, < or <=")
    quantile = _quantile(target, 1 - share if above else share, columns)
    sign = _SIGNS[found["inner"], found["outer"] in {">", ">="}]
    return f"({quantile} {sign} {found['value']})"


def _quantile(target: str, level: float, columns: Collection[str]) -> str:
    """Write a quantile, between two that are stored by a straight line."""
    level = round(level, 9)
    if not LEVELS[0] <= level <= LEVELS[-1]:
        raise FilterError(
            f"posteriors are stored between {LEVELS[0]:.0%} and {LEVELS[-1]:.0%}; ask for a share "
            "in between"
        )
    exact = next((q for q in LEVELS if abs(q - level) < 1e-9), None)
    if exact is not None:
        names = [level_column(target, exact)]
        _require(target, names, columns)
        return f"`{names[0]}`"
    high = next(q for q in LEVELS if q > level)
    low = LEVELS[LEVELS.index(high) - 1]
    share = (level - low) / (high - low)
    names = [level_column(target, low), level_column(target, high)]
    _require(target, names, columns)
    return f"(`{names[0]}` * {1 - share:.9g} + `{names[1]}` * {share:.9g})"


def _require(target: str, names: Sequence[str], columns: Collection[str]) -> None:
    known = {column.lower() for column in columns}
    if all(name.lower() in known for name in names):
        return
    filled = [c.removesuffix(end) for end in _EVERY for c in columns if c.endswith(end)]
    meant = hint_of(target, filled)
    advice = (
        meant
        if meant.startswith("did") and target not in filled
        else f"make it with `skylore infer fill ARCHIVE --model FOLDER --target {target}`"
    )
    raise FilterError(
        f"there is no posterior of {target!r} here (no column {names[0]!r}); {advice}"
    )
