"""Word lists that the rules of this package share: verbs of work, nouns of events and machines."""

from __future__ import annotations

import re
from collections.abc import Set

POLITE = (
    r"please|pls|plz|hey|hi|hello|ok|okay|so|well|also|and|but|then|now|yes|sure|great|thanks"
    r"|no(?! (?:more )?(?:meeting|call|event|appointment)s?\b)"
    r"|thank you|oh|actually|um|can you|could you|would you|will you|can we|could we|you can"
    r"|you could"
    r"|i need you to|i want you to|i would like you to|i'd like you to|i'd like to|i would like to"
    r"|i want to|i need to|i also need to|i have to|we need to|we have to|we want to|let's|lets"
    r"|need to|have to|could some(?:body|one)|can some(?:body|one)|we should|we must"
    r"|help me(?: to)?|help|go ahead and|just|maybe|kindly|make sure (?:to|that)|i'd like|try to"
    r"|i would like|i also want to|for me|i wish to|do me a favor and|assistant|agentsched"
    r"|perfect|beautiful|alright|all right|good|wait|oh well|that's (?:great|good|right|fine"
    r"|fantastic)"
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
accept aggregate alert align allocate analyse analyze anneal annotate approve archive assemble
assess attach augment average back back-up backfill backup bake balance basecall benchmark blend
bootstrap bounce build burn cache calculate calibrate call check checkpoint chunk clean clone
cluster collect combine compact compare compile compress compute concatenate convert copy count
crawl crop cross-check cross-validate curate cut decrypt dedupe deduplicate defragment demultiplex
denoise deploy design destroy detach detect diff differentiate digest discretise distil distill do
dock download draft drain draw dump edit email embed encode encrypt enrich ensemble equilibrate
estimate eval evaluate examine execute explore export extract failover featurise featurize fetch
fill filter fine-tune finetune finish fit fix flash flip flush fold forecast format generate get
grade grid-search harvest hash hyper-tune import impute index infer ingest inspect install integrate
join kick kill label launch lint load lock log mail make map mark measure merge mesh migrate mine
minimise mirror model monitor mosaic mount move-data normalise normalize notify ocr optimise
optimize order pack package pad parse patch pause pick plot polish post post-process postprocess
pre-process pre-train precompute predict prefetch prepare preprocess pretest pretrain print
prioritise process profile promote proofread prove provision prune publish pull purge push quantise
quantize query rank read reboot rebuild recompute reconcile record redact redo reduce refactor refit
refresh regenerate register reindex relax release render repair replicate report reproduce resample
resize restart restore resume retrain retry revert review rewrite rollback rotate run sample
sanitise sanitize save scaffold scale scan score scrape scrub search segment select send sequence
serve shard share ship shuffle sign simulate smoke-test snapshot soak-test solve sort spell-check
split stage start stitch stop store stream submit subsample subset subtract summarise summarize
sweep sync synthesise synthesize tabulate tag take tear terminate test tokenise tokenize train
transcode transcribe transfer transform translate triage trim tune unlock unmount unpack unzip
update upgrade upload upscale vacuum validate vectorise vectorize verify visualise visualize warm
wipe write zip
"""

ROOTS = {"analysis": "analyse", "analyses": "analyse", "assembly": "assemble",
         "eval": "evaluate", "finetune": "fine-tune", "summarize": "summarise",
         "analyze": "analyse", "tokenize": "tokenise", "quantize": "quantise",
         "visualize": "visualise", "pretrain": "pre-train", "preprocess": "pre-process",
}  # fmt: skip
"""Spellings of one verb, and nouns that no ending makes of it."""


def _fold(word: str) -> str:
    word = re.sub(r"(?:isation|ization)$", "ise", word)
    for _ in range(2):  # rendered, render, rend
        for ending in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= 3:
                word = word[: -len(ending)] + ("i" if ending == "ies" else "")
                break
    if len(word) > 5 and word.endswith("at"):
        word = word[:-2]  # validate, validation
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word.replace("yz", "ys")


_ENDINGS = ("ation", "ings", "ing", "ions", "ion", "ers", "er", "ies", "es", "ed", "s", "e")


def stem(word: str) -> str:
    """Return what ``training``, ``trained`` and ``train`` have in common."""
    lower = word.lower().strip("'").removesuffix("'s")
    return _fold(ROOTS.get(lower, lower).replace("-", "").replace("iz", "is"))


WORK_VERBS = frozenset(stem(verb) for verb in _VERBS.split())
"""Stems of verbs that open a task."""


def is_verb(word: str, verbs: Set[str] = WORK_VERBS) -> bool:
    """Whether a word is one of these verbs, or one with "re-", "pre-" and the like before it."""
    if stem(word) in verbs or re.search(r"\w{3}(?:ize|ify)$", word.lower()):
        return True
    prefixed = re.match(r"(?:re|pre|post|un|de|auto|cross|batch)-?(?=\w{3})", word.lower())
    return prefixed is not None and stem(word[prefixed.end() :]) in verbs


_NO_VERBS = """
about above across after again against all along already also although always among an and any are
around as at be because been before behind being below beside besides between both but by can
cannot could did do does done down during each either else even every except for from had has have
having here how however if in inside instead into is it its just last least less like likewise
many may me maybe meanwhile might more most much must near need needs neither never next no none
nor not nothing now of off often on once one only onto or other our out outside over own per plus
quite rather same shall she should since so some soon still such than that the their them then
there these they this those though three through throughout till to together too toward towards
two under unless until up upon us very via want was we were what whatever when whenever where
whether which while who whole whom whose why will with within without would yet you your hope plan
four five six first second third finally afterwards later lastly firstly exactly roughly
approximately anything something takes took requires uses depends waits that's whereas concerning
regarding including versus vs using ideally otherwise similarly
"""

NO_VERB = frozenset(_NO_VERBS.split())
"""Words that open no clause although an article follows: prepositions, conjunctions, adverbs."""

_EMPTY_WORDS = """
the a an of to on in for with and or is are be been being was were has have had it its they them
both all each every one ones two three four done finished finish ready complete completed over
through end ended ends there pass passes passed succeed succeeds succeeded available exist exists
finishes step steps task tasks job jobs thing things this that these those only first last other
now then when after before once as soon everything result results output outputs file files run
runs ran running you we i do does did not no yet also will can must should long take new here back
up down around left whole former latter arrived arrive arrives come comes came boot booted
respond responds green live landed good fine happy works out slowest fastest
"""

EMPTY = frozenset(stem(word) for word in _EMPTY_WORDS.split())
"""Stems of words that point at no task by themselves."""

_COLLECTIVE_WORDS = """
merge join compare combine concatenate diff intersect link blend ensemble integrate email mail
notify tell inform message ask mix stitch aggregate reconcile align-all pair correlate contrast
rank zip bundle send share balance split
"""

COLLECTIVE = frozenset(stem(word) for word in _COLLECTIVE_WORDS.split())
"""Stems of verbs whose objects belong together: "merge A and B" is one task."""

_CONSUMERS_WORDS = """
compare merge join analyse aggregate summarise report plot visualise pick select publish deploy
upload push release email mail notify send archive package ship tear rank checkpoint export verify
evaluate combine assemble document grade judge post share stitch pack alert validate polish
proofread register serve promote tag concatenate recompute convert-back
"""

CONSUMERS = frozenset(stem(word) for word in _CONSUMERS_WORDS.split())
"""Stems of verbs that need what was made before them."""

_SMALL_WORDS = """
the a an of to on in for with and or from by it them both into at as all
"""

SMALL = frozenset(_SMALL_WORDS.split())
"""Words that an id does without."""

_NO_NAME_WORDS = """
monday tuesday wednesday thursday friday saturday sunday january february march april may june
july august september october november december i cob eod noon christmas easter thanksgiving today
tomorrow tonight zoom teams room
"""

NO_NAME = frozenset(_NO_NAME_WORDS.split())
"""Capitalised words that are no names."""
