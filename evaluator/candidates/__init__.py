"""Pure policies: read, checked, generated anew as plain Python and as machine code."""

from evaluator.candidates.block import BLOCK_SIGNATURE, BLOCK_TYPE, Block
from evaluator.candidates.compile import Compiled, compile_policy
from evaluator.candidates.dominance import Dominance, dominance
from evaluator.candidates.facts import Facts, facts
from evaluator.candidates.mutate import mutate
from evaluator.candidates.normalise import normalise
from evaluator.candidates.parse import read_policy
from evaluator.candidates.regenerate import python_functions, python_module

__all__ = [
    "BLOCK_SIGNATURE",
    "BLOCK_TYPE",
    "Block",
    "Compiled",
    "Dominance",
    "Facts",
    "compile_policy",
    "dominance",
    "facts",
    "mutate",
    "normalise",
    "python_functions",
    "python_module",
    "read_policy",
]
