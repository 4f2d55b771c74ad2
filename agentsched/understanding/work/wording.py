"""What people say in many ways, put in the one way that clauses are read in."""

from __future__ import annotations

import re
from collections.abc import Set
from itertools import islice, pairwise

from agentsched.understanding.words import HARDWARE, is_verb
from agentsched.understanding.work.clauses import begins_action
from agentsched.understanding.work.loops import MOST, after_lead, rounds
from agentsched.understanding.work.verbs import base_form

_MARK = re.compile(r"^\s*(?:(?P<number>\d{1,2})[.)]|[-*•·]|\(?[a-h]\))\s+(?=\S)")
"""What opens an item of a list."""
_LINKED = re.compile(r"(?:then|next|finally|lastly|meanwhile|in parallel|at the same time)\b", re.I)
_NOT_BEFORE = re.compile(
    r"^(?:please )?(?:do not|don't|never) (?P<what>.+?),? "
    r"(?:before|until|till|unless) (?P<over>(?!(?:\d{1,2}(?::\d\d)?(?: ?[ap]\.?m\b\.?)?|noon"
    r"|midnight)\W*(?:(?:on|in|at) .+)?$).+)$",
    re.IGNORECASE,
)
"""What waits for something; a time of day is nothing to wait for."""
_START = re.compile(r"(?:start|begin|launch|kick off|run|do) (?=(?:the|our|my|any)\b)", re.I)
_WAIT_BEFORE = re.compile(
    r"\bwait (?:for|until|till) (?P<over>[^,;]+?)"
    r"(?:,? before (?:you |we )?|,? (?:and )?(?:only )?then )(?P<what>\w+)",
    re.IGNORECASE,
)
_THINGS = re.compile(
    r"^(?P<lead>(?:(?:and|then|next|now|after (?:that|this)),? )*)(?:two|three|four|some|several"
    r"|the following) (?:things|steps|jobs|tasks) (?:(?:can|may|should|must|will) )?(?:happen|run"
    r"|go|be done|start) (?P<how>[^:]+): (?P<what>.+)$",
    re.IGNORECASE,
)
_BEFORE_EVENT = re.compile(
    r"\bbefore (?:the|our|my) [\w-]+(?: [\w-]+)?,? (?:(?:on|at) )?"
    r"(?=(?:on |this |next )?(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|tomorrow\b|tonight\b"
    r"|\d{1,2}(?::\d\d)? ?[ap]m\b|\d{1,2}:\d\d)",
    re.IGNORECASE,
)
"""What happens at a time is no work: "before the demo on Thursday"."""
_INVERTED = re.compile(
    r"\bonly (?:when|once|after|if) (?P<over>[^,;]+?),? (?:can|may|should|must|will) "
    r"(?P<what>(?:the |our )?[\w -]+?) (?:begin|start|run|follow|go ahead|happen|be done)\b",
    re.IGNORECASE,
)
_ONLY_ONCE = re.compile(
    r"^only (?:when|once|after|if) (?P<over>[^,;]+?),? (?:can|should|may|must|do) (?:you|we|i) "
    r"(?P<do>.+?)$",
    re.IGNORECASE,
)
_ONLY_THEN = re.compile(
    r"\bonly then (?:can|may|should|must) (?P<what>(?:the |our )?[\w -]+?) "
    r"(?:begin|start|run|follow|go ahead|happen)\b",
    re.IGNORECASE,
)
_GIVEN = re.compile(
    r"(?:and )?(?:with|using|from|on) (?P<what>that|this|these|those|it|them),? "
    r"(?P<rest>(?!and\b)[\w-]+ .+)",
    re.IGNORECASE,
)
"""What an action is given: "with that model run the test"."""
_SAME_UNIT = re.compile(
    r"(?P<told>\d (?P<unit>minutes?|mins?|hours?|days?),? (?:and )?)"
    r"(?P<what>(?:the )?[a-z][\w -]*?) (?P<n>\d+)(?=[.;,]|$)",
    re.IGNORECASE,
)
"""A number that takes its unit from the one before: "the scan takes 12 minutes, the check 3"."""
_NUMBERED = re.compile(
    r"\b(?P<noun>(?!hours|days|minutes|weeks|takes|needs|is|this|was|has)[a-z]{3,}s) "
    r"(?P<first>\d{1,3})(?: ?- ?| to | through )(?P<last>\d{1,3})\b"
    r"(?! ?(?:[ap]m|h|%|min|hours?|days?)\b)"
)
"""Things with numbers, "chapters 1 to 3", are no times of day."""
_EACH_AMOUNT = re.compile(
    r"\beach (?:(?:one )?(?:takes?|taking|needs?|for|on) )?"
    r"(?P<much>(?:about |around )?[\w.]+ ?(?:minutes?|mins?|hours?|h|days?|gpus?|cores?|gb))\b",
    re.IGNORECASE,
)
_EACH_PERIOD = re.compile(
    r"(?P<lead>^|[,;] |\band |\bthen )(?P<verb>\w+) each (?:year|quarter|month|week|day)\b"
    r"(?= (?:on|with|in|using|for)\b|[,;.]|$)",
    re.IGNORECASE,
)
"""What is done to each of some periods, "regrid each year", repeats nothing."""
_AS_THEY_COME = re.compile(
    r"\b(?:them|each|these|those) as (?:they|each(?: one)?) (?:finish\w*|complet\w+|come in|arrive"
    r"|(?:are|is|become) (?:done|ready|finished))\b",
    re.IGNORECASE,
)
_USE_TO = re.compile(
    rf"\buse (?P<what>(?:an? |[\w-]+ )(?:[\w-]+ )?(?:{HARDWARE})) (?:to|for) (?P<do>[^,;]+)",
    re.IGNORECASE,
)
_WANTED = re.compile(
    r"\b(?:i|we) (?:need|want|would like|'d like) "
    r"(?P<what>(?:the|a|an|my|our|all) [\w' -]+?(?: \([^)]*\))?) "
    r"(?P<verb>\w+(?:ed|ilt|ent))(?P<first>(?: \([^)]*\))?[^,;()]*?)"
    r"(?: and (?P<then>\w+(?:ed|ilt|ent))"
    r"(?P<second>[^,;]*))?(?=[,;.]|$)",
    re.IGNORECASE,
)
"""What is wanted as it shall be: "I need the model retrained and evaluated"."""
_CONDITION = re.compile(
    r"(?:^|[;,] )(?:and )?(?:when|once|if|unless|as soon as|after) (?:[\w'-]+ ){1,6}?"
    r"(?:done|finished|ready|over|completed?|works?|pass(?:es|ed)?|succeeds?|succeeded|ends?|ended"
    r"|finish(?:es)?|fails?|through|there|here|in|green|up|available|built|\w{3,}ed)"
    r"(?P<gap> )(?=\w)",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"(?:^|[,;] )(?:and )?(?:if|once|when|as soon as|after)\b[^,;:]+", re.IGNORECASE
)
_MAY_ORDER = re.compile(
    r"(?<!the)(?<!\ba)(?<!\ban)(?<!\bto)(?<!\bour)(?<!\byou)(?<!\bwe)(?<!\bthey)(?<!\bit) "
    r"(?=[a-z-]+ (?:(?:the|a|an|all|it|them|both|everything)\b|Cmd\d))"
)
_WHILE = re.compile(
    r"(?:^|[;,] )(?:and )?while (?:it|they|that|the \w+|\w+) (?:is |are )?\w+"
    r"(?: \([^)]*\))?(?P<gap> )(?=\w)",
    re.IGNORECASE,
)


def _wanted(found: re.Match[str]) -> str:
    order = f"{base_form(found['verb'])} {found['what']}{found['first']}"
    if found["then"]:
        order += f" and {base_form(found['then'])} it{found['second']}"
    return order


def _broken(sentence: str, verbs: Set[str]) -> str:
    """Put the comma between a condition and an order: "if there are no errors add the node"."""
    for found in islice(_MAY_ORDER.finditer(sentence), 20):
        said = len(sentence[: found.start()].split())
        if said > 2 and begins_action(sentence[found.end() :], verbs):
            return f"{sentence[: found.start()]},{sentence[found.start() :]}"
    return sentence


def _spelt_out(found: re.Match[str]) -> str:
    first, last = int(found["first"]), int(found["last"])
    if not first < last < first + MOST:
        return found[0]
    names = [str(n) for n in range(first, last + 1)]
    return f"{found['noun']} {', '.join(names[:-1])} and {names[-1]}"


def _object_each(found: re.Match[str]) -> str:
    known = is_verb(found["verb"])
    return f"{found['lead']}{found['verb']} each one" if known else found[0]


def itemised(text: str) -> str:
    """Return the text with each item of a list that was numbered within a line on its own line."""
    places = [0]
    for wanted in range(1, 20):
        found = re.compile(rf"(?:(?<=\s)|^){wanted}[.)]\s+(?=[^\W\d]|`)").search(text, places[-1])
        if found is None:
            break
        places.append(found.start())
    if len(places) < 3:
        return text
    cuts = [*places[1:], len(text)]
    items = [text[a:b].strip() for a, b in pairwise(cuts)]
    return "\n".join(part for part in (text[: cuts[0]].strip(), *items) if part)


_LATER_LOOP = re.compile(
    r"(?:,|;)? (?:and )?(?=(?:then |next |after that,? )?for (?:each|every)\b)", re.IGNORECASE
)


_INNER_LOOP = re.compile(
    r"^(?P<before>(?:.*(?:[,;] (?:and )?(?:then )?| and then | then ))?)(?P<do>[^,;]+?) "
    r"(?P<word>for|on|with|over|across|in) (?=(?:each|every)\b)",
    re.IGNORECASE,
)


def loop_first(sentence: str) -> str:
    """Return "run it for each of the seeds 1 and 2" as "for each of the seeds 1 and 2, run it"."""
    found = _INNER_LOOP.match(sentence)
    named = found and rounds(sentence, found.end())
    if not found or not named:
        return sentence
    rest = sentence[named.end :].lstrip(" )")
    joint = "" if not rest or rest[0] in ",.;:" else " "
    loop = f"for {sentence[found.end() : named.end]}"
    return f"{found['before']}{loop}, {found['do']}{joint}{rest}"


def loops_apart(sentence: str) -> list[str]:
    """Return a sentence in two where a loop begins within it ("…, then for each model …")."""
    for found in _LATER_LOOP.finditer(sentence):
        rest = sentence[found.end() :]
        begins = "," in found[0] or ";" in found[0] or not rest.lower().startswith("for")
        if found.start() and begins and re.search(r"\w", after_lead(rest)):
            return [sentence[: found.start()], rest]
    return [sentence]


def plain(sentence: str, verbs: Set[str]) -> str:
    """Return the sentence without list marks, with the commas and connectives writers leave out.

    Args:
        sentence: One, or one item of a list.
        verbs: Stems of the verbs that can open an action.
    """
    mark = _MARK.match(sentence)
    sentence = unmarked(sentence)
    if mark and int(mark["number"] or 1) > 1 and not _LINKED.match(sentence):
        sentence = f"then {sentence}"
    sentence = re.sub(r"(?<=\w) & (?=\w)", " and ", sentence)
    sentence = re.sub(r",? (?:but )?not (?:before|until) (?=\w+ \w)", " only after ", sentence)
    sentence = re.sub(
        r"^(?:finish|end|close) with (?=the\b|an?\b|Cmd)", "finally ", sentence, flags=re.I
    )
    sentence = re.sub(r",? followed by |\s*(?:[-=]>|\u2192)\s*", ", then ", sentence)
    sentence = _SAME_UNIT.sub(r"\g<told>\g<what> takes \g<n> \g<unit>", sentence)
    sentence = _NUMBERED.sub(_spelt_out, sentence)
    sentence = _EACH_AMOUNT.sub(r"\g<much> each", sentence)
    sentence = _EACH_PERIOD.sub(_object_each, sentence)
    sentence = _AS_THEY_COME.sub("each one", sentence)
    sentence = re.sub(r"(?<=\w) at once\b", " in parallel", sentence)
    sentence = _BEFORE_EVENT.sub("before ", sentence)
    sentence = re.sub(
        r"^(before [^,;]+?),? (?=(?:i|we) (?:need|want)\b)", r"\1, ", sentence, flags=re.I
    )
    sentence = _INVERTED.sub(r"\g<what> waits for \g<over>", sentence)
    sentence = _ONLY_ONCE.sub(r"\g<do> once \g<over>", sentence)
    sentence = _ONLY_THEN.sub(r"then \g<what>", sentence)
    sentence = _USE_TO.sub(r"\g<do> on \g<what>", sentence)
    sentence = _WANTED.sub(_wanted, sentence)
    sentence = _THINGS.sub(r"\g<lead>\g<what> \g<how>", sentence)
    sentence = _WAIT_BEFORE.sub(lambda m: f"once {m['over']}, {m['what']}", sentence)
    forbidden = _NOT_BEFORE.match(sentence)
    if forbidden:
        what = re.sub(r"\s+(?:anything|any of it)$", "", _START.sub("", forbidden["what"]))
        if begins_action(what, verbs):
            sentence = f"{what} once {forbidden['over']}"
        else:
            sentence = f"{what} waits for {forbidden['over']}"
    given = _GIVEN.match(sentence)
    if given:
        words = given["rest"].split(" ")
        for n in range(min(3, len(words) - 1)):
            if begins_action(" ".join(words[n:]), verbs):
                what = " ".join(["the", *words[:n]]) if n else "it is done"
                sentence = f"if {what.rstrip(',')}, {' '.join(words[n:])}"
                break
    found = _CONDITION.search(sentence) or _WHILE.search(sentence)
    lead = _LEADING.search(sentence)
    if found and begins_action(sentence[found.end() :], verbs):
        at = found.start("gap")
        sentence = f"{sentence[:at]},{sentence[at:]}"
    elif lead:
        tail = sentence[lead.end() :]
        sentence = sentence[: lead.start()] + _broken(lead[0], verbs) + tail
    return sentence


def unmarked(sentence: str) -> str:
    """Return the sentence without the mark that opens an item of a list."""
    mark = _MARK.match(sentence)
    return sentence[mark.end() :] if mark else sentence
