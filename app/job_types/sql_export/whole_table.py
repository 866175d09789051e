"""Queries that give every row of one table, of which a database knows the number without counting."""

from app.job_types.sql_export.sql_text import Statement

# With one of these words there may be fewer rows than the table has, or more.
_OTHERWISE = frozenset({
    "WHERE", "JOIN", "GROUP", "HAVING", "LIMIT", "OFFSET", "FETCH", "DISTINCT", "UNION", "INTERSECT", "EXCEPT", "MINUS",
    "WITH", "VALUES", "PROCEDURE", "COUNT", "SUM", "TOTAL", "AVG", "MIN", "MAX", "GROUP_CONCAT", "STRING_AGG", "MEDIAN",
    "JSON_GROUP_ARRAY", "JSON_GROUP_OBJECT", "JSONB_GROUP_ARRAY", "JSONB_GROUP_OBJECT", "JSON_ARRAYAGG",
    "JSON_OBJECTAGG", "STD", "STDDEV", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "VAR_POP", "VAR_SAMP", "BIT_AND",
    "BIT_OR", "BIT_XOR", "PERCENTILE", "ANY_VALUE", "PERCENTILE_CONT", "PERCENTILE_DISC",
})  # fmt: skip


def whole_table(statement: Statement) -> str | None:
    """Name the table, upper case, of which a query seems to give every row; the database's plan has to agree.

    ``None`` where one cannot be sure from the words alone, as with a name in quotes.
    """
    words = statement.words
    if words.count("SELECT") != 1 or words.count("FROM") != 1 or _OTHERWISE.intersection(words):
        return None
    following = words[words.index("FROM") + 1 :]
    return following[0] if following else None
