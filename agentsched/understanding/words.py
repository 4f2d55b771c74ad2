"""Word lists that the rules of this package share: verbs of work, nouns of events and machines."""

from __future__ import annotations

import re

POLITE = (
    r"please|hey|hi|hello|ok|okay|so|well|also|and|but|then|now|yes|no|sure|great|thanks|thank you"
    r"|oh|actually|um|can you|could you|would you|will you|can we|could we|you can|you could"
    r"|i need you to|i want you to|i would like you to|i'd like you to|i'd like to|i would like to"
    r"|i want to|i need to|i also need to|i have to|we need to|we have to|we want to|let's|lets"
    r"|help me(?: to)?|help|go ahead and|just|maybe|kindly|make sure (?:to|that)|i'd like|try to"
    r"|i would like|i also want to|for me|i wish to|do me a favor and|assistant|agentsched"
    r"|perfect|beautiful|alright|all right|good|wait|oh well|that's (?:great|good|right|fine|fantastic)"
    r"|that works|not at all|wonderful|awesome|excellent|cool|nice|however|anyway|hmm|right|instead"
    r"|i still need to|i'll need to|i will need to|it should|that should|go and|next"
)

EVENT_NOUNS = (
    "meetings?", "events?", "appointments?", "calls?", "lunch", "dinner", "breakfast", "brunch",
    "coffee", "1:1s?", "one-on-ones?", "one on ones?", "syncs?", "stand-?ups?", "interviews?",
    "party", "parties", "dentist", "doctor", "yoga", "gym", "class", "classes", "workshops?",
    "seminars?", "lectures?", "reminders?", "vacation", "holiday", "birthday", "wedding",
    "reviews? with", "retro", "retrospective", "all-?hands", "demo day", "conference", "haircut",
    "therapy", "date", "movie", "concert", "game", "trip", "flight", "pto", "time off", "session",
    "kickoff", "catch-?up", "check-?in", "hangout", "happy hour", "out of office", "day off",
    "drinks", "picnic", "barbecue", "bbq", "visit", "tour", "outing", "shower", "celebration",
    "office hours", "offsite", "training session", "hike", "practice", "rehearsal", "service",
    "golf", "tennis", "run with", "walk with", "pick ?up", "drop ?off", "focus time",
)  # fmt: skip

HARDWARE = (
    r"gpus?|cpus?|cores?|a100s?|h100s?|h200s?|v100s?|t4s?|l4s?|l40s?|b200s?|tpus?|accelerators?"
    r"|nodes?|racks?|machines?|spot|preemptible|on-demand|vram|ram|clusters?|gb|gib"
)

WORK_NOUNS = (
    "jobs?", "tasks?", "pipelines?", "workflows?", "training", "trainings", "fine-?tun\\w+",
    "simulations?", "experiments?", "benchmarks?", "batch", "scripts?", "builds?", "ablations?",
    HARDWARE,
)  # fmt: skip

_VERBS = """
accept aggregate alert align analyse analyze annotate archive assemble assess back back-up backfill backup
balance bake benchmark bootstrap build calculate calibrate call cache check checkpoint chunk clean
clone cluster collect combine compare compile compress compute concatenate convert copy crawl
cross-validate curate cut deduplicate dedupe denoise deploy design digest distil distill do
download draft draw dump edit email embed encode enrich ensemble estimate eval evaluate examine execute
explore export extract featurise featurize fetch fill filter finetune fine-tune finish fit fix
flash fold forecast format generate get grade grid-search harvest hash hyper-tune import impute
index infer ingest inspect install integrate join label launch lint load log mail make map measure
merge migrate mine mirror model monitor move-data normalise normalize notify ocr optimise optimize
order pack package parse patch pick plot polish post post-process pretest postprocess precompute predict
prefetch prepare preprocess pre-process pretrain pre-train process profile proofread prove prune
publish pull purge push quantise quantize query rank read rebuild recompute reconcile record
redact refit refresh regenerate register reindex release render repair replicate report reproduce
resample resize restart restore resume retrain review rewrite run sample sanitise sanitize save
scan score scrape scrub search segment select send sequence serve shard share ship shuffle sign
simulate smoke-test snapshot soak-test solve sort split stage start stitch store stream submit subsample
summarise summarize sweep sync synthesise synthesize tag take tear test tokenise tokenize train
transcribe transcode transfer transform translate trim tune unpack unzip update upgrade upload
upscale vacuum validate vectorise vectorize verify visualise visualize warm write zip
"""

ROOTS = {"eval": "evaluate", "finetune": "fine-tune", "summarize": "summarise",
         "analyze": "analyse", "tokenize": "tokenise", "quantize": "quantise",
         "visualize": "visualise", "pretrain": "pre-train", "preprocess": "pre-process"}  # fmt: skip
"""Spellings of one verb."""


def _fold(word: str) -> str:
    word = re.sub(r"(?:isation|ization)$", "ise", word)
    for ending in ("ation", "ings", "ing", "ions", "ion", "ers", "er", "ies", "es", "ed", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + ("i" if ending == "ies" else "")
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word.replace("yz", "ys")


def stem(word: str) -> str:
    """Return what ``training``, ``trained`` and ``train`` have in common."""
    lower = word.lower().strip("'").removesuffix("'s")
    return _fold(ROOTS.get(lower, lower).replace("-", "").replace("iz", "is"))


WORK_VERBS = frozenset(stem(verb) for verb in _VERBS.split())
"""Stems of verbs that open a task."""
