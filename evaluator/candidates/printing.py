"""Python text from the tree of a policy; the look of names, numbers and calls is left open."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from evaluator.candidates import tree


class Printer(ABC):
    """Writes statements and expressions; every operation is in brackets of its own."""

    @abstractmethod
    def local(self, name: str) -> str:
        """Write a local name or parameter."""

    @abstractmethod
    def literal(self, value: float) -> str:
        """Write a number."""

    @abstractmethod
    def turns(self, values: range) -> str:
        """Write what a loop runs over."""

    @abstractmethod
    def binary(self, op: str, left: tree.Expr, right: tree.Expr) -> str:
        """Write an operation of arithmetic."""

    @abstractmethod
    def call(self, function: str, args: Sequence[str]) -> str:
        """Write a call of a built-in or of ``math``."""

    @abstractmethod
    def invoke(self, helper: str, args: Sequence[str]) -> str:
        """Write a call of a function of the policy."""

    def number(self, expr: tree.Expr) -> str:
        """Write an expression whose value must be a number, not a truth."""
        return self.any(expr)

    def block(self, body: tuple[tree.Stmt, ...], depth: int = 1) -> list[str]:
        """Return the lines of some statements, so many levels in."""
        pad = "    " * depth
        lines: list[str] = []
        for stmt in body:
            match stmt:
                case tree.Assign(name, value):
                    lines.append(f"{pad}{self.local(name)} = {self.number(value)}")
                case tree.Return(value):
                    lines.append(f"{pad}return {self.number(value)}")
                case tree.If(test, then, orelse):
                    lines.append(f"{pad}if {self.any(test)}:")
                    lines += self.block(then, depth + 1)
                    if orelse:
                        lines.append(f"{pad}else:")
                        lines += self.block(orelse, depth + 1)
                case tree.For(name, values, inner):
                    lines.append(f"{pad}for {self.local(name)} in {self.turns(values)}:")
                    lines += self.block(inner, depth + 1)
                case tree.Break():
                    lines.append(f"{pad}break")
                case tree.Continue():
                    lines.append(f"{pad}continue")
        return lines or [f"{pad}pass"]

    def any(self, expr: tree.Expr) -> str:
        """Write an expression whose value may be a truth or a number."""
        match expr:
            case tree.Num(value):
                return self.literal(value)
            case tree.Name(name):
                return self.local(name)
            case tree.Field(owner, name):
                return f"{owner}.{name}"
            case tree.Negative(value):
                return f"(-{self.number(value)})"
            case tree.Not(value):
                return f"(not {self.any(value)})"
            case tree.Binary(op, left, right):
                return self.binary(op, left, right)
            case tree.Compare(ops, operands):
                texts = [self.number(operand) for operand in operands]
                chain = "".join(f" {op} {t}" for op, t in zip(ops, texts[1:], strict=True))
                return f"({texts[0]}{chain})"
            case tree.Logic(op, values):
                write = self.any if tree.is_truth(expr) else self.number
                return "(" + f" {op} ".join(write(value) for value in values) + ")"
            case tree.Choose(test, yes, no):
                write = self.any if tree.is_truth(expr) else self.number
                return f"({write(yes)} if {self.any(test)} else {write(no)})"
            case tree.Call(function, args):
                return self.call(function, [self.number(arg) for arg in args])
            case tree.Invoke(helper, args):
                return self.invoke(helper, [self.number(arg) for arg in args])
