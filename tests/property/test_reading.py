"""Whatever text comes in, reading gives a policy or one line that says why not."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluator.candidates import normalise, read_policy
from evaluator.errors import SubsetError
from evaluator.policies import known_rules, load_rule

TEXTS = [load_rule(name).text for name in known_rules()]
TOKENS = sorted(
    {token for text in TEXTS for token in re.findall(r"\w+|[^\w\s]+|\n\s*", text)}
    | {"None", "1e309", "-0.0", "(", "**", "//", "not", "<", "lambda", "while", "x", "\\\n"}
)


def check(text: str) -> None:
    source = None
    message = ""
    try:
        source = read_policy(text)
    except SubsetError as refused:
        message = str(refused)
    assert "\n" not in message
    if source is None:
        return
    once = normalise(source)
    assert normalise(read_policy(once)) == once


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(TEXTS), st.data())
def test_damaged_rules_are_refused_in_one_line_or_stay_policies(
    text: str, data: st.DataObject
) -> None:
    tokens = re.findall(r"\w+|[^\w\s]+|\s+", text)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(tokens) - 1))
        token = data.draw(st.sampled_from(TOKENS))
        tokens[place : place + data.draw(st.integers(0, 1))] = [token]
    check("".join(tokens))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_refused_in_one_line_or_is_a_policy(text: str) -> None:
    check(text)
    check(f"def key(task):\n    return {text}")
