"""The operations of the pure subset in plain Python, IEEE doubles throughout, never raising.

``emit`` gives the same operations to LLVM. Standard library only and free of other imports: the
text of this file is what carries a pure policy into a process that has nothing else.
"""

import math

_inf = math.inf
_nan = math.nan


def _num(a: float) -> float:
    return float(a)


def _div(a: float, b: float) -> float:
    return a / b if b != 0.0 else _nan


def _mod(a: float, b: float) -> float:
    if b == 0.0 or a != a or b != b or a in (_inf, -_inf):
        return _nan
    rest = math.fmod(a, b)
    if rest == 0.0:
        return math.copysign(0.0, b)
    return rest + b if (rest < 0.0) != (b < 0.0) else rest


def _floordiv(a: float, b: float) -> float:
    rest = _mod(a, b)
    if rest != rest:
        return _nan
    quotient = (a - rest) / b
    if quotient == 0.0:
        return math.copysign(0.0, a / b)
    whole = _floor(quotient)
    return whole + 1.0 if quotient - whole > 0.5 else whole


def _power(a: float, n: int) -> float:
    result = a
    for _ in range(n - 1):
        result = result * a
    return result


def _pow(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return -_inf if a < 0.0 and math.fmod(b, 2.0) != 0.0 else _inf
    except ValueError:
        if a != 0.0:
            return _nan
        return -_inf if math.copysign(1.0, a) < 0.0 and abs(math.fmod(b, 2.0)) == 1.0 else _inf


def _min(a: float, b: float) -> float:
    return b if b < a else a


def _max(a: float, b: float) -> float:
    return b if b > a else a


def _abs(a: float) -> float:
    return math.fabs(a)


def _bool(a: float) -> bool:
    return a != 0.0


def _whole(a: float) -> bool:
    # from 2**52 on every double is whole; NaN and inf stay themselves
    return not (-4503599627370496.0 < a < 4503599627370496.0)


def _floor(a: float) -> float:
    return a if _whole(a) else math.copysign(float(math.floor(a)), a)


def _ceil(a: float) -> float:
    return a if _whole(a) else math.copysign(float(math.ceil(a)), a)


def _trunc(a: float) -> float:
    return a if _whole(a) else math.copysign(float(math.trunc(a)), a)


def _round(a: float) -> float:
    return a if _whole(a) else math.copysign(float(round(a)), a)


def _sqrt(a: float) -> float:
    return math.sqrt(a) if a >= 0.0 else _nan


def _exp(a: float) -> float:
    try:
        return math.exp(a)
    except OverflowError:
        return _inf


def _expm1(a: float) -> float:
    try:
        return math.expm1(a)
    except OverflowError:
        return _inf


def _log(a: float) -> float:
    return math.log(a) if a > 0.0 else (-_inf if a == 0.0 else _nan)


def _log2(a: float) -> float:
    return math.log2(a) if a > 0.0 else (-_inf if a == 0.0 else _nan)


def _log10(a: float) -> float:
    return math.log10(a) if a > 0.0 else (-_inf if a == 0.0 else _nan)


def _log1p(a: float) -> float:
    return math.log1p(a) if a > -1.0 else (-_inf if a == -1.0 else _nan)


def _tanh(a: float) -> float:
    return math.tanh(a)


def _atan(a: float) -> float:
    return math.atan(a)


def _hypot(a: float, b: float) -> float:
    # scaled by the greater leg: libm and CPython disagree in the last bit, this cannot
    a, b = math.fabs(a), math.fabs(b)
    if _inf in (a, b):
        return _inf
    if a != a or b != b:
        return _nan
    high, low = (a, b) if a > b else (b, a)
    if high == 0.0:
        return 0.0
    ratio = low / high
    return high * math.sqrt(1.0 + ratio * ratio)


def _copysign(a: float, b: float) -> float:
    # the sign of a NaN is not a number a program may depend on
    return math.copysign(a, b) if b == b else _nan


def _isnan(a: float) -> bool:
    return a != a


def _isinf(a: float) -> bool:
    return a in (_inf, -_inf)


def _isfinite(a: float) -> bool:
    return -_inf < a < _inf
