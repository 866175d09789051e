"""Where binds are and where a statement ends, per database."""

import pytest

from app.job_types.sql_export.sql_text import (
    LEXICONS,
    ORACLE,
    POSTGRESQL,
    SQL_SERVER,
    SQLITE,
    STANDARD,
    Place,
    SqlTextError,
    mysql,
    read_statement,
)

MYSQL = mysql()
EVERYWHERE = [
    ("select :a", {"a"}),
    ("select :a, :b where :a < :b", {"a", "b"}),
    ("select ':a', \"b:c\", '':d''", {"d"}),
    ("select 'it''s :a' || :b", {"b"}),
    ("select x -- :a\n, :b", {"b"}),
    ("select /* :a */ :b", {"b"}),
    ("select /* ' */ :a /* ' */", {"a"}),
    ("select a from t where b=:b", {"b"}),
    ("select(:a)", {"a"}),
    ("select :a:b", {"a"}),
    ("select 10:20", set()),
    ("select slice[1:n]", set()),
    ("select : a", set()),
]
PER_DATABASE = [
    (POSTGRESQL, "select 1::int, :a::date, x::y", {"a"}),
    (POSTGRESQL, "select $$ :a $$, $tag$ $$ :b ' $tag$, :c", {"c"}),
    (POSTGRESQL, "select a$$b, :c, d$$e", {"c"}),
    (POSTGRESQL, r"select E'\' :a', :b", {"b"}),
    (POSTGRESQL, r"select '\', :a, '\'", {"a"}),
    (POSTGRESQL, "select E'x' -- c\n '\\' :a', :b", {"b"}),
    (POSTGRESQL, r"select type'\', :a, '\'", {"a"}),
    (POSTGRESQL, "select U&'\\', :a, '\\'", {"a"}),
    (POSTGRESQL, "select /* /* */ :a */ :b", {"b"}),
    (POSTGRESQL, "select 1 --x\r, :a", {"a"}),
    (POSTGRESQL, "select j @> '{\"a\": 1}', a[:i], a[1 : :n]", {"i", "n"}),
    (MYSQL, r"select 'it\'s :a', " + r'"\" :b", :c', {"c"}),
    (MYSQL, "select `:a`, `a``:b`, :c", {"c"}),
    (MYSQL, "select 3--1, :a # :b\n, :c -- :d", {"a", "c"}),
    (MYSQL, "select @x := :a", {"a"}),
    (MYSQL, "select /* /* */ :a", {"a"}),
    (mysql(backslashes=False), r"select '\', :a, '\'", {"a"}),
    (mysql(ansi_quotes=True), r'select "\", :a, "\"', {"a"}),
    (SQLITE, r"select '\', :a, [:b], `:c`, '\'", {"a"}),
    (SQL_SERVER, "select [a:b]]:c], /* /* */ :d */ :e", {"e"}),
    (ORACLE, "select q'[it's :a]', nq'!:b'!', q'x :c x', :d from dual", {"d"}),
    (STANDARD, r"select '\', :a, '\'", {"a"}),
]


@pytest.mark.parametrize("lexicon", LEXICONS, ids=["postgresql", "sqlite", "mysql", "sql_server", "oracle", "standard"])
@pytest.mark.parametrize(("text", "names"), EVERYWHERE)
def test_binds_are_found_and_nothing_else(lexicon, text, names):
    if "[" in text and lexicon in (SQLITE, SQL_SERVER):
        text = text.replace("[1:n]", "")
    assert read_statement(text, lexicon).bind_names == names


@pytest.mark.parametrize(("lexicon", "text", "names"), PER_DATABASE)
def test_literals_end_where_their_database_ends_them(lexicon, text, names):
    assert read_statement(text, lexicon).bind_names == names


@pytest.mark.parametrize(
    ("lexicon", "text", "words"),
    [
        (POSTGRESQL, "select 1; select 2", "a second one begins at line 1, column 11"),
        (POSTGRESQL, "select 1;\n\n  drop table x", "a second one begins at line 3, column 3"),
        (POSTGRESQL, "select 1; /* a */ -- b\n;select 2", "a second one"),
        (POSTGRESQL, "select 'a", "a quote is not closed: it begins at line 1, column 8"),
        (POSTGRESQL, "select 'a''", "a quote is not closed"),
        (POSTGRESQL, "select\n /* /* */", "a comment is not closed: it begins at line 2, column 2"),
        (MYSQL, r"select 'a\'", "a quote is not closed"),
        (MYSQL, "select 1 /*! into outfile 'x' */", "a comment that the server executes"),
        (MYSQL, "select 1 /*M!100100 + 1 */", "a comment that the server executes"),
        (SQLITE, "", "the query is empty"),
        (SQLITE, " ;; -- nothing\n", "the query is empty"),
    ],
)
def test_what_is_not_one_statement_is_refused_with_its_place(lexicon, text, words):
    with pytest.raises(SqlTextError, match=words):
        read_statement(text, lexicon)


def test_the_semicolon_at_the_end_and_what_follows_are_not_part_of_the_statement():
    assert read_statement("select 1 -- one\n ; ; -- the end", POSTGRESQL).text == "select 1"


def test_a_semicolon_in_a_literal_ends_nothing():
    assert read_statement("select ';', $$;$$, \";\" /* ; */ -- ;", POSTGRESQL).head == "SELECT"


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("select 1", "SELECT"),
        ("/* a */ -- b\n With x as (select 1) select 2", "WITH"),
        ("((values (1)))", "VALUES"),
        ("'a'", ""),
        ("explain select 1", "EXPLAIN"),
    ],
)
def test_the_head_is_the_first_word(text, head):
    assert read_statement(text, POSTGRESQL).head == head


def test_a_place_in_the_spelled_statement_leads_back_to_the_original():
    statement = read_statement("select :since,\n nope, :n", POSTGRESQL)

    spelled = statement.spelled({"since": "'2026-01-01'", "n": "1"}.__getitem__)

    assert spelled.text == "select '2026-01-01',\n nope, 1"
    assert spelled.place(spelled.text.index("nope")) == Place(line=2, column=2)
    assert spelled.place(spelled.text.index("2026")).line == 1
    assert spelled.place(len(spelled.text) + 5) == Place(line=2, column=10)


def test_a_long_literal_takes_no_long_time():
    text = "select '" + "''" * 200_000 + "x"
    with pytest.raises(SqlTextError, match="not closed"):
        read_statement(text, POSTGRESQL)
