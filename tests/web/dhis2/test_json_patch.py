"""JSON Patch: what RFC 6902 shows in its appendix, and what it forbids."""

from typing import Any

import pytest

from app.web.dhis2.json_patch import PatchError, patched

RIGHT: dict[str, tuple[Any, list[Any], Any]] = {
    "add a member": ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
    "add an element": ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
    "add at the end": ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": [2]}], {"a": [1, [2]]}),
    "add over a member": ({"a": 1}, [{"op": "add", "path": "/a", "value": None}], {"a": None}),
    "remove a member": ({"a": 1, "b": 2}, [{"op": "remove", "path": "/b"}], {"a": 1}),
    "remove an element": ({"a": [1, 2, 3]}, [{"op": "remove", "path": "/a/1"}], {"a": [1, 3]}),
    "replace a value": ({"a": {"b": 1}}, [{"op": "replace", "path": "/a/b", "value": 2}], {"a": {"b": 2}}),
    "replace an element": ({"a": [1, 2]}, [{"op": "replace", "path": "/a/0", "value": 3}], {"a": [3, 2]}),
    "replace the whole": ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}),
    "move a value": (
        {"a": {"b": 1}, "c": {}},
        [{"op": "move", "from": "/a/b", "path": "/c/d"}],
        {"a": {}, "c": {"d": 1}},
    ),
    "move an element": ({"a": [1, 2, 3]}, [{"op": "move", "from": "/a/0", "path": "/a/2"}], {"a": [2, 3, 1]}),
    "copy a value": ({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1], "b": [1]}),
    "test a value": (
        {"a": [1, {"b": "c"}]},
        [{"op": "test", "path": "/a", "value": [1.0, {"b": "c"}]}],
        {"a": [1, {"b": "c"}]},
    ),
    "escapes": (
        {"/": 9, "~1": 10},
        [{"op": "test", "path": "/~01", "value": 10}, {"op": "remove", "path": "/~1"}],
        {"~1": 10},
    ),
    "an empty name": ({"": 1}, [{"op": "replace", "path": "/", "value": 2}], {"": 2}),
    "unknown members": ({}, [{"op": "add", "path": "/a", "value": 1, "xyz": 2}], {"a": 1}),
    "one after another": (
        {},
        [{"op": "add", "path": "/a", "value": {}}, {"op": "add", "path": "/a/b", "value": 1}],
        {"a": {"b": 1}},
    ),
}


@pytest.mark.parametrize(("document", "operations", "result"), RIGHT.values(), ids=RIGHT.keys())
def test_operations_are_applied_in_order(document: Any, operations: list[Any], result: Any) -> None:
    before = repr(document)

    assert patched(document, operations) == result
    assert repr(document) == before


WRONG: dict[str, tuple[Any, str]] = {
    "no list": ({"op": "add"}, "a JSON patch is a list of operations"),
    "no object": (["add"], "operation 1 of the patch: is no object"),
    "no op": ([{"path": "/a"}], "op is none of: add, remove, replace, move, copy, test"),
    "op of another type": ([{"op": [], "path": "/a"}], "op is none of"),
    "no path": ([{"op": "remove"}], "path is missing"),
    "no value": ([{"op": "add", "path": "/x"}], "value is missing"),
    "no from": ([{"op": "copy", "path": "/x"}], "from is missing"),
    "no pointer": ([{"op": "remove", "path": "a"}], "'a' is no JSON pointer"),
    "a number for a pointer": ([{"op": "remove", "path": 1}], "1 is no JSON pointer"),
    "a wrong escape": ([{"op": "remove", "path": "/a~2"}], "is no JSON pointer"),
    "nothing there": ([{"op": "remove", "path": "/x/y"}], "there is no /x/y"),
    "nothing to replace": ([{"op": "replace", "path": "/x", "value": 1}], "there is no /x"),
    "an index too far": ([{"op": "add", "path": "/a/3", "value": 1}], "nothing can be added at /a/3"),
    "an index with a nought": ([{"op": "remove", "path": "/a/00"}], "there is no /a/00"),
    "an index of a text": ([{"op": "add", "path": "/b/0", "value": 1}], "nothing can be added at /b/0"),
    "a huge index": ([{"op": "remove", "path": f"/a/{'9' * 5000}"}], "there is no /a/999"),
    "the whole": ([{"op": "remove", "path": ""}], "the whole document cannot be taken away"),
    "into itself": ([{"op": "move", "from": "/a", "path": "/a/0"}], "a value cannot be moved into itself"),
    "another value": ([{"op": "test", "path": "/a/0", "value": True}], "the value at /a/0 is another one"),
    "the second": ([{"op": "test", "path": "/b", "value": "c"}, {"op": "remove", "path": "/x"}], "operation 2"),
    "a bomb": ([{"op": "copy", "from": "/a", "path": "/a/-"}] * 40, "the document becomes too large"),
    "a well": ([{"op": "copy", "from": "", "path": "/b"}] * 1000, "the document becomes nested too deeply"),
    "too many": ([{"op": "test", "path": "/b", "value": "c"}] * 1001, "a JSON patch has at most 1000 operations"),
}


@pytest.mark.parametrize(("operations", "words"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_applied_is_refused(operations: Any, words: str) -> None:
    with pytest.raises(PatchError) as caught:
        patched({"a": [1, 2], "b": "c"}, operations)

    assert words in caught.value.message
