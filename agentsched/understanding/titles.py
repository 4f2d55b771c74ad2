"""What an event is called, by the words around it."""

from __future__ import annotations

import re

from agentsched.understanding.moments import TimeSpan
from agentsched.understanding.people import people_span
from agentsched.understanding.routing import without_politeness

_LEAD = re.compile(
    r"^(?:(?:please |also |and |then |now |just )*(?:schedule|book|set up|setup|set down|set"
    r"|arrange|plan"
    r"|put in|put|add|create|make|block(?: off| out)?|pencil in|reserve|organi[sz]e|remind me "
    r"(?:to|of|about)"
    r"|remind me|enter|have|i(?:'ve| have)(?: got)?(?: to)?|i(?:'m| am| will be|'ll be) (?:having"
    r"|going to|in"
    r"|at)?|i(?:'m| am)|there(?:'s| is)|we(?:'re| are| have)(?: having| going)?|invite|i need|i "
    r"want|cancel"
    r"|delete|remove|drop|call off|get rid of|clear|scratch|erase|take off|move|reschedule|shift"
    r"|postpone"
    r"|delay|push back|push|bring forward|pull forward|extend|shorten|lengthen|rename|change"
    r"|update|switch"
    r"|swap|modify|edit|adjust|replace|accept|decline|turn down|join|attend|find|show)\b\s*)+"
    r"(?:me |us |in |down |up |off |forward |the time (?:of|for) |the (?:date|day) of )*",
    re.IGNORECASE,
)


_FILLER = re.compile(
    r"\b(?:(?:a|an|the|my|our|your|this|that|new|another|some|time for|on (?:my|the) (?:calendar"
    r"|schedule)"
    r"|(?:to|in|on|into|from|off) (?:my|the|our) (?:calendar|schedule|agenda|diary)|called|titled"
    r"|named|event"
    r"|for me|please|instead|it|them|to be|from|to|at|on|by|for|until|starting|of|around|as|too"
    r"|so)\b\s*)+",
    re.IGNORECASE,
)


def quoted_title(text: str) -> str:
    """Return what stands in quotes; empty where nothing does."""
    found = re.search(r"[\"“]([^\"”\n]{1,120})[\"”]", text)
    return found[1].strip() if found else ""


def without_spans(text: str, spans: list[TimeSpan]) -> str:
    """Blank time phrases, letter for letter."""
    for span in spans:
        text = text[: span.start] + " " * (span.end - span.start) + text[span.end :]
    return text


def title_of(text: str, spans: list[TimeSpan], place: str, *, keep_people: bool = True) -> str:
    """Return what is left when times, people, place and the verb are gone."""
    bare = without_spans(text, spans)
    noun = re.search(
        r"\b(?:lunch|dinner|breakfast|coffee|call|1:1|sync|interview|meeting|drinks|brunch)\b",
        bare,
        re.IGNORECASE,
    )
    for start, end in people_span(bare):
        # "Lunch with Dana" is a title of its own; "a meeting with Dana, Ben and Olga" is not.
        short = keep_people and noun is not None and end - start < 40
        if not short:
            bare = bare[:start] + " " * (end - start) + bare[end:]
    if place:
        bare = re.sub(rf"\b(?:at|in) (?:the )?{re.escape(place)}", " ", bare)
    bare = without_politeness(bare.strip(" .,!?"))
    bare = _LEAD.sub("", bare)
    bare = re.sub(r"\s+", " ", bare).strip(" .,!?;:-")
    previous = None
    while previous != bare:
        previous = bare
        bare = re.sub(rf"^(?:{_FILLER.pattern})(?=\S)", "", bare, flags=re.IGNORECASE).strip(
            " .,!?;:-"
        )
        bare = re.sub(
            r"\s*\b(?:for|at|on|from|to|by|in|until|a|an|the|and|my|of|with|starting|around"
            r"|instead|please|is|be|me|me up)$",
            "",
            bare,
            flags=re.IGNORECASE,
        ).strip(" .,!?;:-")
    return (
        "" if re.fullmatch(r"(?:event|it|that|this|something|time)?", bare, re.IGNORECASE) else bare
    )


def capital(title: str) -> str:
    """Return the title with a capital at its beginning."""
    return title[:1].upper() + title[1:]


def new_title(text: str) -> str:
    """Return the title that a renaming gives; empty for any other change."""
    found = re.search(
        r"\b(?:rename|change the (?:title|name|subject)|call it|retitle)\b.*?(?:\bto\b|\bcall it\b"
        r"|\bas\b)?\s*[\"“]?(?P<t>[^\"”]+?)[\"”]?[.!?]*$",
        text,
        re.IGNORECASE,
    )
    if found is None:
        return ""
    tail = re.split(r"\bto\b", text, maxsplit=1)[-1] if " to " in text else found["t"]
    return tail.strip(' .!?"“”')
