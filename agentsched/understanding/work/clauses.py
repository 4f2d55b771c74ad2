"""Sentences about work in clauses: actions, the conditions beside them, statements about them."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, replace
from typing import Literal

from agentsched.understanding.words import NO_VERB, WORK_VERBS, is_verb
from agentsched.understanding.work.verbs import base_form, imperative

Link = Literal["then", "last", "free", "parallel", "chain", "anyway", "else", "first", ""]
"""How an action stands to what was said before it, by its adverbs."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause; offsets are those of the sentence, whose amounts were blanked."""

    kind: Literal["action", "statement", "list"]
    text: str
    """Without adverbs and conditions."""
    start: int
    end: int
    link: Link = ""
    trailing: Link = ""
    """The adverb stood at its end ("… in parallel"), and may speak of those before it, too."""
    conditions: tuple[str, ...] = ()
    """What must be over first: "both are ready"."""
    checks: tuple[str, ...] = ()
    """What must have gone well: "it passes"; names no task of its own."""
    before: tuple[str, ...] = ()
    """What must not start before this is over."""
    before_rest: tuple[str, ...] = ()
    """What must not start before the rest of the sentence is over."""
    beside: tuple[str, ...] = ()
    """What goes on at the same time: "the crawler runs"."""


_LINKS: tuple[tuple[Link, str], ...] = (
    ("anyway", r"either way|in any case|in either case|regardless(?: of (?:that|the \w+))?"
     r"|whatever happens|no matter what|anyway"),
    ("first", r"first(?: of all)?(?=\W*$)|before (?:anything|everything) else(?=\W*$)"),
    ("else", r"otherwise|(?:or )?else|if not|if it (?:does not|doesn't)|on failure"),
    ("chain", r"one after (?:the other|another)|in (?:that|this|the given|the following) order"
     r"|in order(?! to\b)|sequentially|one by one|in sequence|consecutively|back to back|in turn"),
    ("free", r"meanwhile|in the meantime|(?:and )?independently of (?:that|it|this|everything)"
     r"|(?:at )?any ?time|whenever|apart from that|besides(?: that)?|separately from that"),
    ("parallel", r"in parallel|at the same time|simultaneously|concurrently"
     r"|(?:and )?independently(?: of (?:each other|one another))?"
     r"|separately|side by side|in any order|at once|all together|alongside|in either order"),
    ("last", r"finally|lastly|at the (?:very )?end|in the end|at last|last of all|to finish"
     r"|when everything is done|last(?! (?:night|week|month|quarter|year|\w+day|two|three|few)\b)"
     r"|to wrap up"),
    ("then", r"(?:and )?(?:only )?then|next|(?:right |immediately |directly |shortly )?after "
        r"(?:that|this|which"
     r"|those|these)|afterwards?|subsequently|thereafter|following (?:that|this)|after it|right "
     r"after(?=\s*(?:,|$|and\b))"
     r"|once (?:that|this)(?:'s| is) (?:done|finished|over|complete)|from there|later on"),
)  # fmt: skip
_ADVERB = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(f"(?P<{kind}>{words})" for kind, words in _LINKS)
    + r"|(?P<drop>(?<!the )(?:first(?: of all)?|second|third)|(?:first|second|third)ly"
    r"|kindly|please|pls|plz|to (?:start|begin)(?: with)?"
    r"|before (?:anything|everything) else|also|too|as well|just|simply|if (?:time permits"
    r"|possible|you can|need be|there is time)"
    r"|as usual|for me|in total|again|once more|together|all right|now|start by|starting "
    r"with))(?![\w-])",
    re.IGNORECASE,
)
_SUBORDINATE = re.compile(
    r"(?<![\w-])(?:,? ?(?:and|but|so)? ?)(?P<word>(?:only |right |immediately |directly "
    r")?(?:when(?:ever)?|once|after|as soon as|upon"
    r"|before|prior to|while|whilst|until|till|as long as|provided(?: that)?|waiting for|wait for"
    r"|if|unless|assuming(?: that)?))\s+"
    r"(?!(?:that|this|which|those|these)(?![\w'])(?! (?:is|are|has|have|works?|pass\w*|succeed\w*"
    r"|goes|looks?|finish\w*|complet\w*)\b))"
    r"(?!the other\b|another\b|one another\b)"
    r"(?P<rest>[^,;:]+)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!^\d)(?<!^\d\d)[.!?;]+(?=\s|$)|\n+", re.MULTILINE)
_FINITE = re.compile(
    r"^(?P<subject>(?:[\w.'/+-]+ ){0,6}?[\w.'/+-]+|)(?: ?,? |^)(?:(?:also|both|all|each|only|still"
    r"|really|probably) )*"
    r"(?P<verb>(?:needs?|takes?|requires?|depends?|has to|have to|must|should|can|could|may|are|is"
    r"|runs|(?<=they )run|(?<=both )run|(?<=all )run"
    r"|uses?|waits?|will|do(?:es)?(?: not|n't)|cannot|can't|gets?|costs?|lasts?|goes|comes?"
    r"|happens?|follows?|starts"
    r"|don't))(?![\w-])",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"^(?:it|they|each|both|all|every\w*|the (?:two|three|four|others?|rest|whole|first|second"
    r"|last|former|latter)|these|those"
    r"|which|that|this|no need|nothing|none|neither|there)\b",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"\s*,\s*(?:(?:and|but|so|or)(?:,)?\s+)?|\s+(?:and|but)(?:\s+and)*\s+|\s+(?=then\s)|\s*\(|\)\s*|:\s+"
    r"|(?:\s+|(?<=\s))--?\s+",
    re.IGNORECASE,
)


def sentences(text: str) -> list[str]:
    """Return the sentences, end marks off."""
    return [part.strip() for part in _SENTENCE.split(text) if part and re.search(r"\w", part)]


def clauses(sentence: str, verbs: Set[str] = WORK_VERBS) -> list[Clause]:
    """Return the clauses of a sentence, in order.

    Args:
        sentence: With its amounts and times blanked.
        verbs: Stems of the verbs that can open an action.
    """
    found: list[Clause] = []
    pending: list[tuple[str, str]] = []
    between: list[Link] = []
    for start, end in _pieces(sentence, verbs):
        clause, conditions = _read(sentence, start, end, verbs)
        if clause is None:
            pending += conditions
            if _only_adverbs(sentence[start:end]):
                link = _links(sentence[start:end])[0]
                bare = not re.search(r"\w", _ADVERB.sub(" ", sentence[start:end]))
                ends = re.match(r"\W*(?:and )?(?:then|after)\b", sentence[end:], re.IGNORECASE)
                if (
                    link in ("free", "parallel", "then")
                    and bare
                    and _leads(sentence, end)
                    and not ends
                ):
                    between.append(link)  # "and, at the same time, …" is of what follows
                elif found:
                    found[-1] = _with_trailing(found[-1], sentence[start:end])
            elif found and conditions and not _leads(sentence, end):
                found[-1] = _with_conditions(found[-1], conditions)
                pending = pending[: len(pending) - len(conditions)]
            continue
        if between and clause.kind == "action":
            first = "then" if "then" in between else between[0]
            both = first == "then" and "parallel" in between
            trailing: Link = clause.trailing or ("parallel" if both else "")
            clause = replace(clause, link=clause.link or first, trailing=trailing)
        between = []
        if pending and clause.kind == "action":
            clause, pending = _with_conditions(clause, pending, leading=True), []
        found.append(_with_conditions(clause, conditions))
    if pending and found:
        found[-1] = _with_conditions(found[-1], pending)
    elif pending:
        found.append(_with_conditions(Clause("statement", "", 0, len(sentence)), pending))
    return found


def _pieces(sentence: str, verbs: Set[str]) -> list[tuple[int, int]]:
    """Cut where a new clause begins; a comma or "and" inside a list of objects is no cut."""
    pieces = []
    start = 0
    for joint in _SPLIT.finditer(sentence):
        before, after = sentence[start : joint.start()], sentence[joint.end() :]
        if not re.search(r"\w", before):
            continue
        if joint[0].strip() == "and" and (
            _OPEN_SUBJECT.search(before)
            or (_begins_subordinate(before.lstrip(" ,")) and _STATE.match(after))
        ):
            continue  # the condition goes on
        if (
            _begins_clause(after, verbs)
            or _begins_subordinate(after)
            or _ends_subordinate(before, joint[0])
            or joint[0].strip() in (":", "(", ")", "-", "--")
            or (_MEASURED.match(after) and not begins_action(_strip_lead(before), verbs))
        ):
            pieces.append((start, joint.start()))
            start = joint.end()
    # Amounts before a comma that opens a piece, blank here, are of the piece before.
    return [
        (end - len(re.sub(r"^(?:\s*,)+", "", sentence[begin:end])), end)
        for begin, end in [*pieces, (start, len(sentence))]
    ]


def _begins_clause(said: str, verbs: Set[str]) -> bool:
    text = _strip_lead(said)
    if re.match(r"(?:then|by)\s+\w+ing (?:the|a|an|all|it|them)\b", said, re.IGNORECASE):
        return True
    if _COMMAND.match(text) or _NEXT_STEP.match(said):
        return True
    if _DOING.match(text) and not is_statement(text, verbs):
        return True
    if re.match(r"(?:never|preferably|ideally|not) (?:on|in)\b", said, re.IGNORECASE):
        return True
    if re.match(r"[A-Z][a-z]", text) and not _ORDER.match(text):
        return False  # a name in a list: "French, German and Polish"
    return begins_action(text, verbs) or is_statement(text, verbs)


def _begins_subordinate(text: str) -> bool:
    found = _SUBORDINATE.match(text)
    return found is not None and found.start("word") <= 1


_NEXT_STEP = re.compile(
    r"(?:then\s|(?:afterwards|finally|lastly|last|next|after that),?\s(?=(?:the|a|an)\s))\s*\w",
    re.IGNORECASE,
)
_OPEN_SUBJECT = re.compile(
    r"\b(?:when|once|after|as soon as|before|if|until|while) (?!it|they|this|that|you|we|all|both"
    r"|the other|another)"
    r"(?:the |our |my |a )?(?:[\w-]+ )?(?!done|ready|over|passes|finish|works)[\w-]+$",
    re.IGNORECASE,
)
"""A condition whose subject has no verb yet: "once training" (and calibration are done)."""


_MEASURED = re.compile(r"(?:the )?[\w-]+(?: [\w-]+)?\s{4,}(?:[,.;]|$)", re.IGNORECASE)
"""Another thing with an amount, blank here: "(sales takes 20 minutes,) marketing 35"."""
_STATE = re.compile(
    r"(?!it\b|each\b|both\b|they\b)(?:the |our |my |all )?[\w-]+(?: [\w-]+){0,3}? "
    r"(?:is|are|has|have|passes|pass|succeeds?|finish(?:es)?|works?)\b(?! to\b)",
    re.IGNORECASE,
)
"""What can be the second half of a condition: "the smoke tests are green"."""


def _ends_subordinate(before: str, joint: str) -> bool:
    """Whether a comma closes "When both are done, …"."""
    return "," in joint and _begins_subordinate(before.lstrip(" ,"))


def _leads(sentence: str, end: int) -> bool:
    """Whether something follows that a condition can lead."""
    return bool(re.search(r"\w", sentence[end:]))


def _strip_lead(text: str) -> str:
    """Drop adverbs and "I'd like you to" at the beginning."""
    before = None
    while text != before:
        before = text
        text = text.lstrip(" ,")
        found = _ADVERB.match(text)
        if found is not None:
            text = re.sub(r"^[\s,:]*(?:and\s+)?", "", text[found.end() :])
        text = _WANT.sub("", text)
    return text


_WANT = re.compile(
    r"^(?:(?:can|could|would) (?:you|some(?:body|one)|any(?:body|one)|we) "
    r"|i(?: want|'d like| would like| need)(?: you)? to |let's |need to "
    r"|we (?:need|have|want) to |(?:you|we) (?:can|could|should|must) |you |we |i |have to "
    r"|also |only )",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"^(?P<verb>[a-z][a-z-]+) (?:(?:up|down|out|off|back|over|on|together|through) )?"
    r"(?:the|a|an|all|my|our|your|its|their|it|them|me|us|both|this|these|those|yesterday|last"
    r"|each|every|everything|whatever)\b",
    re.IGNORECASE,
)
"""A verb that is on no list, by what follows it: "bounce the proxies"."""
_COMMAND = re.compile(r"Cmd\d+_*(?!\w)")
"""What stands for a command in backticks (``reader``)."""
_NOUN_MARK = re.compile(
    r"^(?:of|is|are|was|has|runs?|takes?|needs?|finish\w*|ends?|which|that"
    r"|waits|depends|follows|comes|starts|requires|must|should)\b"
)


def begins_action(text: str, verbs: Set[str] = WORK_VERBS) -> bool:
    """Whether the words begin with a verb of work in its base form, used as a verb."""
    if _COMMAND.match(text):
        return True
    found = re.match(r"([A-Za-z][\w-]*)(?!\.\w)(?:\s+(\w+))?", text)
    if found is None or re.match(r"[\w-]+\.\w", text):
        return False
    word, following = found[1], found[2] or ""
    if re.fullmatch(r"[A-Z]", following):
        return False  # "sample B" names a thing
    order = _ORDER.match(text)
    if (
        order is not None
        and word.lower() not in NO_VERB
        and not (word.isupper() and len(word) > 1)
        and (len(word) < 5 or not word.lower().endswith(("ing", "ly")))
    ):
        return True
    following = following.lower()
    if not is_verb(word, verbs) or word.lower().endswith(("ing", "ed", "tion", "s'", "ers")):
        return word.lower() in (
            "have",
            "tear",
            "set",
            "do",
            "make",
            "get",
            "let",
        ) and not _NOUN_MARK.match(following)
    if word.lower().endswith("s") and not word.lower().endswith(("ss", "process", "compress")):
        return False
    return not _NOUN_MARK.match(following)


def is_statement(text: str, verbs: Set[str] = WORK_VERBS) -> bool:
    """Whether the words say something of tasks ("each takes an hour") and ask for none."""
    if begins_action(text, verbs):
        return False
    if _PRONOUN.match(text):
        return True
    found = _FINITE.match(text)
    return found is not None and not _CONJUNCTION.search(found["subject"])


_CONJUNCTION = re.compile(r"\b(?:once|when|after|before|if|while|until|as soon)\b", re.IGNORECASE)


def _read(
    sentence: str, start: int, end: int, verbs: Set[str]
) -> tuple[Clause | None, list[tuple[str, str]]]:
    """Read one piece: its conditions apart, its adverbs apart."""
    raw = sentence[start:end]
    conditions: list[tuple[str, str]] = []

    def keep(found: re.Match[str]) -> str:
        word = found["word"].lower().split()[-1] if "as " not in found["word"].lower() else "when"
        rest = found["rest"]
        if _ADVERB.fullmatch(f"{found['word'].strip()} {rest.strip()}".strip()):
            return found[0]
        conditions.append((word, rest.strip(" .!?")))
        return " "

    body = _SUBORDINATE.sub(keep, raw)
    link, trailing = _links(body)
    text = " ".join(_ADVERB.sub(" ", body).split()).strip(" ,:()-")
    text = re.sub(r"^(?:and|but|so|or)\s+|\s+(?:and|but|so|or)$", "", text, flags=re.IGNORECASE)
    text = _strip_lead(text)
    if not re.search(r"\w", text) or text.lower() in ("and", "but", "only", "also", "it", "do"):
        return None, conditions
    passive = _PASSIVE.match(text)
    if passive is not None and passive["verb"].lower() not in _STATES:
        what = passive["what"][0].lower() + passive["what"][1:]
        text = f"{base_form(passive['verb'])} {what}{passive['rest']}"
        return Clause("action", text, start, end, link, trailing), conditions
    kind: Literal["action", "statement", "list"] = "list"
    if _DOING.match(text) and not is_statement(text, verbs):
        text = imperative(text)
    thing = _STEP.fullmatch(text)
    first = re.match(r"\W*(?:first\b|(?:we |i )?(?:start|begin) with)", body, re.IGNORECASE)
    told = link in ("then", "last") and not begins_action(text, verbs)
    if thing and (told or (thing["article"] and (first or link == "then"))):
        return Clause("action", thing["noun"], start, end, link, trailing), conditions
    if begins_action(text, verbs):
        kind = "action"
    elif is_statement(text, verbs):
        kind = "statement"
    return Clause(kind, text, start, end, link, trailing), conditions


_DOING = re.compile(r"(?!nothing)\w+ing (?:the|a|an|all|it|them|each|our|my)\b", re.IGNORECASE)
"""A task as a gerund: "training the detector"."""
_STEP = re.compile(
    r"(?:(?:comes?|start with|begin with) )?(?P<article>(?:the|a|an) )?"
    r"(?P<noun>\w[\w. -]{1,40})",
    re.IGNORECASE,
)
"""A step that is only named: "(then) the smoke test"."""
_PASSIVE = re.compile(
    r"^(?!(?:it|they|these|those|both|all|each|this|that|everything)\b)"
    r"(?P<what>(?:the |our |my )?[\w' -]+?) (?:also )?(?:needs? to|must|has to|have to"
    r"|should|can|could|may) be"
    r" (?P<verb>\w+ed|built|sent|written|drawn|taken|made|run|rerun|cut|put|read|done|rebuilt"
    r"|rewritten|reset|split)(?P<rest>(?: .*)?)$",
    re.IGNORECASE,
)
_STATES = frozenset(
    {"finished", "completed", "delivered", "ended", "based", "limited", "scheduled"}
)


def _links(body: str) -> tuple[Link, Link]:
    leading: Link = ""
    trailing: Link = ""
    for found in _ADVERB.finditer(body):
        if found.lastgroup in (None, "drop"):
            continue
        name: Link = found.lastgroup  # type: ignore[assignment]  # the groups are named so
        if re.search(r"[A-Za-z]{2}", _ADVERB.sub(" ", body[: found.start()])):
            trailing = name
        else:
            leading = leading or name
    return leading, trailing


def _only_adverbs(text: str) -> bool:
    return _ADVERB.search(text) is not None


def _with_trailing(clause: Clause, text: str) -> Clause:
    leading, trailing = _links(text)
    return replace(clause, trailing=clause.trailing or trailing or leading)


def _with_conditions(
    clause: Clause, conditions: list[tuple[str, str]], *, leading: bool = False
) -> Clause:
    for word, rest in conditions:
        if word in ("before", "to") and leading:
            clause = replace(clause, before_rest=(*clause.before_rest, rest))
        elif word in ("before", "to"):
            clause = replace(clause, before=(*clause.before, rest))
        elif word in ("if", "unless", "that", "provided", "assuming"):
            fails = word != "unless" and _FAILS.search(rest) is not None
            link: Link = "else" if fails else clause.link
            clause = replace(clause, checks=(*clause.checks, rest), link=link)
        elif word in ("while", "whilst"):
            clause = replace(clause, beside=(*clause.beside, rest))
        elif word not in ("until", "till", "long"):
            clause = replace(clause, conditions=(*clause.conditions, rest))
    return clause


_FAILS = re.compile(
    r"^(?!nothing\b|no\b|none\b).*\b(?:fails?|failed|breaks?|crash(?:es|ed)?|goes wrong|red"
    r"|not (?:pass|work|succeed|finish)\w*)\b|n't (?:pass|work|succeed|finish)\w*\b",
    re.IGNORECASE,
)
