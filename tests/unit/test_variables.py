"""How texts speak of variables where there are many features."""

from twostep.data.variables import feature_table, list_shown, list_variables
from twostep.util.text import MOST_FEATURES, list_features


def made_up(variable, n, **changes):
    feature = {"variable": variable, "units": "K", "long_name": f"the {variable}", "min": 0.0}
    feature |= {"max": 1.0, "transform": "none"} | changes
    return [feature | {"name": f"{variable}[{i}]" if n > 1 else variable} for i in range(n)]


SHAPES = {"t": {"dimensions": ["level"], "shape": [60]}, "p": {"dimensions": [], "shape": []}}


def test_variables_keep_the_order_and_the_places_of_their_features():
    features = [*made_up("p", 1), *made_up("t", 60)]
    p, t = list_variables(features, SHAPES)
    assert (p.name, p.places, p.feature_names, p.entries) == ("p", "1", ["p"], "")
    assert (t.name, t.places, t.entries) == ("t", "2 to 61", "level: 60")
    assert t.feature_names[-1] == "t[59]"
    (without,) = list_variables(made_up("t", 60)[1:], SHAPES)
    assert without.entries == "59 of 60 (level: 60)"


def test_a_few_features_are_shown_one_by_one():
    features = made_up("t", MOST_FEATURES)
    assert [shown.name for shown in list_shown(features, SHAPES)] == [
        feature["name"] for feature in features
    ]
    assert [shown.name for shown in list_shown(made_up("t", 60), SHAPES)] == ["t"]


def test_the_range_of_a_variable_is_that_of_all_its_entries():
    features = made_up("t", 60)
    features[7] |= {"min": -5.5, "max": 0.5}
    features[9] |= {"max": 8.0}
    table = feature_table("input", list_shown(features, SHAPES)).splitlines()
    assert table[0] == (
        "| input | name | entries | quantity | unit | transform | smallest | largest |"
    )
    assert table[2:] == ["| 1 to 60 | `t` | level: 60 | the t | K | none | -5.5 | 8 |"]


def test_a_sentence_names_a_few_features_and_else_their_variables():
    assert list_features(["a", "t[0]"]) == "`a`, `t[0]`"
    many = ["a", *(f"t[{i},{j}]" for i in range(28) for j in range(28))]
    assert list_features(many, "'") == "'a', 't' (784 entries)"
    # Neither do many variables make a long sentence.
    long = [f"t[{letter * 200}]" for letter in "abc"]
    assert list_features(long) == "`t` (3 entries)"
    assert list_features(long[:1]) == f"`{long[0]}`"
    assert list_features([f"x{i}" for i in range(784)]).endswith("`x19` and 764 more")
