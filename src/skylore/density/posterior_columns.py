"""Names of posterior columns, and filters on a probability written as filters on them.

``p(redshift > 0.3) > 0.9`` holds where the 10 % quantile is above 0.3: a filter on a probability is
one on a quantile, and needs no function that the engine lacks. Nothing heavy is imported here, so
that a search which has no such filter pays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from skylore.errors import FilterError

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
_QUOTED = re.compile(r"'(?:[^']|'')*'")


def level_column(target: str, level: float) -> str:
    """Name the column of a quantile, in per mille: ``redshift_q100`` is the 10 % quantile."""
    return f"{target}_q{round(level * 1000):03d}"


def category_columns(target: str, categories: Sequence[str]) -> dict[str, str]:
    """Name the column of each category's probability, in letters that need no quotes."""
    names: dict[str, str] = {}
    for category in categories:
        plain = re.sub(r"\W+", "_", category.lower()).strip("_") or "category"
        column, number = f"{target}_p_{plain}", 2
        while column in names.values():
            column, number = f"{target}_p_{plain}_{number}", number + 1
        names[category] = column
    return names


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
    expanded = _PROBABILITY.sub(_one(columns), text)
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
            return _category(target, found, columns)
        return _number(target, found, share, columns)

    return write


def _category(target: str, found: re.Match[str], columns: Collection[str]) -> str:
    category = found["value"][1:-1].replace("''", "'")
    column = category_columns(target, [category])[category]
    if found["inner"] not in {"=", "<>", "!="}:
        raise FilterError(f"categories of {target!r} have no order; ask p({target} = 'one')")
    _require(target, [column], columns)
    chance = f"`{column}`" if found["inner"] == "=" else f"(1 - `{column}`)"
    return f"({chance} {found['outer']} {found['share']})"


def _number(target: str, found: re.Match[str], share: float, columns: Collection[str]) -> str:
    above = found["inner"] in {">", ">="}
    if found["inner"] in {"=", "<>", "!="}:
        raise FilterError(f"p({target} = number) is zero almost everywhere; ask for > or <")
    more = found["outer"] in {">", ">="}
    quantile = _quantile(target, 1 - share if above else share, columns)
    # P(x > t) > c where t lies below the quantile of 1 − c; P(x < t) > c where above that of c.
    sign = ">" if above == more else "<"
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
    if any(name not in columns for name in names):
        raise FilterError(
            f"there is no posterior of {target!r} here (no column {names[0]!r}); make it with "
            f"`skylore infer fill ARCHIVE --model FOLDER --target {target}`"
        )
