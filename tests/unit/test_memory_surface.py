"""What outsiders see of memory is what its ``__init__`` says."""

import types

import memory


def test_all_lists_what_is_there_and_little() -> None:
    public = {
        name
        for name, value in vars(memory).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert set(memory.__all__) == public
    assert memory.__all__ == sorted(memory.__all__)
    assert len(memory.__all__) <= 20
