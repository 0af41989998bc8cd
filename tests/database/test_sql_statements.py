"""Splitting SQL where statements end, and nowhere else."""

import pytest

from paya_app.core.sql_statements import essence, split


@pytest.mark.parametrize(
    "statement",
    [
        "select 1",
        "select ';'",
        "select 'it''s; fine'",
        r"select e'a\';b'",
        'select 1 as "a;b"',
        "select $$a;b$$",
        "select $body$a; $$ b; $$ c;$body$",
        "select 1 /* a; /* nested; */ b; */ + 1",
        "select 1 -- a; b\n + 1",
        "create function f() returns int language plpgsql as $$ begin return 1; end; $$",
        "create function f(a int) returns int begin atomic select case a when 1 then 2 end; select 3; end",
        "do $$ begin perform 1; end $$",
        "select a$b$c from t where d = '$b$'",
    ],
)
def test_one_statement_stays_one(statement: str):
    assert [piece.text for piece in split(f"{statement};")] == [statement]
    assert [piece.text for piece in split(f"select 0;\n{statement};\nselect 9")] == ["select 0", statement, "select 9"]


def test_lines_are_those_of_the_first_words():
    source = "-- about\n\nselect 1;\n\n/* two\nlines */ select\n2; -- after\n;;\nselect 3\n-- the end\n"
    assert [(piece.line, piece.text.splitlines()[-1]) for piece in split(source)] == [
        (3, "select 1"),
        (6, "2"),
        (9, "-- the end"),
    ]


@pytest.mark.parametrize("source", ["", "\n", "-- only words", "/* a; b */", ";;;", "-- a;\n; -- b"])
def test_nothing_to_run(source: str):
    assert split(source) == []


def test_essence_forgets_comments_and_space_alone():
    source = "-- why\ncreate table a (\n  b int -- unit\n);\n\nselect ';';"
    assert essence(source) == essence("create table a (b int)  ;\nselect ';'")
    assert essence(source) != essence("create table a (b bigint); select ';'")
    assert essence("select '--a'") != essence("select '--b'")
