"""Settings: later layers win, and a mistake is named with its place."""

import tomllib
from pathlib import Path

import pytest

from agentsched.errors import SettingsError
from agentsched.settings import Settings, cache_folder, load_settings


def load(
    tmp_path: Path,
    toml: str = "",
    flags: dict[str, object] | None = None,
    **env: str,
) -> Settings:
    if toml:
        (tmp_path / "agentsched.toml").write_text(toml, encoding="utf-8")
    return load_settings(flags, env=env, folder=tmp_path)


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings == Settings()
    assert settings.model.base_url is None
    assert settings.model.timeout_seconds == 120.0


def test_each_layer_wins_over_the_one_before(tmp_path: Path) -> None:
    toml = '[model]\nname = "from-file"\nretries = 1\ncontext = 1000\n'
    env = {"AGENTSCHED_MODEL_NAME": "from-env", "AGENTSCHED_MODEL_CONTEXT": "2000"}
    settings = load(tmp_path, toml, {"model.name": "from-flag", "memory.url": None}, **env)
    assert settings.model.retries == 1
    assert settings.model.context == 2000
    assert settings.model.name == "from-flag"
    assert settings.memory.url is None


def test_openai_variables_stand_in_where_our_own_say_nothing(tmp_path: Path) -> None:
    env = {"OPENAI_BASE_URL": "http://general/v1", "OPENAI_API_KEY": "secret"}
    settings = load(tmp_path, **env)
    assert settings.model.base_url == "http://general/v1"
    assert settings.model.api_key is not None
    assert settings.model.api_key.get_secret_value() == "secret"
    settings = load(tmp_path, '[model]\nbase_url = "http://project/v1"\n', **env)
    assert settings.model.base_url == "http://project/v1"


def test_the_key_is_never_shown(tmp_path: Path) -> None:
    assert "hush" not in repr(load(tmp_path, AGENTSCHED_MODEL_API_KEY="hush"))
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, "[model]\napi_key = [1]\n")
    assert "hidden" in str(caught.value)


def test_config_variable_names_another_file(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('[runs]\ndirectory = "elsewhere"\n', encoding="utf-8")
    settings = load(tmp_path, '[runs]\ndirectory = "here"\n', AGENTSCHED_CONFIG=str(other))
    assert settings.runs.directory == Path("elsewhere")


@pytest.mark.parametrize(
    ("toml", "env", "words"),
    [
        # a value breaks its rule: file, field, rule, value
        ("[model]\ntimeout_seconds = -3\n", {}, ["agentsched.toml", "model.timeout_seconds", "-3"]),
        ("[model]\nbase_url = 'ftp://x'\n", {}, ["model.base_url", "http://", "ftp://x"]),
        ("[sandbox]\nminimum = 'strong'\n", {}, ["sandbox.minimum", "seccomp", "'strong'"]),
        # unknown field and section, with what is known
        ("[model]\ntimeout = 3\n", {}, ["agentsched.toml", "model.timeout", "timeout_seconds"]),
        ("[modell]\nname = 'x'\n", {}, ["[modell]", "model, memory"]),
        ("model = 3\n", {}, ["[model]", "must be a section", "3"]),
        # not TOML at all
        ("[model\n", {}, ["agentsched.toml", "TOML", "line 1"]),
        # the same from the environment
        ("", {"AGENTSCHED_MODEL_RETRIES": "many"}, ["AGENTSCHED_MODEL_RETRIES", "'many'"]),
        ("", {"AGENTSCHED_MODEL_NAEM": "x"}, ["AGENTSCHED_MODEL_NAEM", "known:", "name"]),
        ("", {"AGENTSCHED_CONFIG": "/no/such.toml"}, ["AGENTSCHED_CONFIG", "/no/such.toml"]),
    ],
)
def test_a_mistake_names_place_field_and_value(
    tmp_path: Path, toml: str, env: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, toml, **env)
    message = str(caught.value)
    assert [word for word in words if word not in message] == []
    assert "\n" not in message


def test_a_flag_is_named_as_the_user_typed_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"flag --timeout-seconds: .* got 0"):
        load(tmp_path, flags={"model.timeout_seconds": 0})


def test_cache_folder_follows_the_xdg_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/agentsched")
    assert cache_folder({}) == Path.home() / ".cache" / "agentsched"


def test_the_page_shows_every_setting_and_loads(root: Path, tmp_path: Path) -> None:
    """Secrets alone are left out: they do not belong into a file."""
    page = (root / "docs" / "settings.md").read_text(encoding="utf-8")
    toml = page.split("```toml\n")[1].split("```")[0]
    shown = {(s, f) for s, fields in tomllib.loads(toml).items() for f in fields}
    sections = {name: field.annotation for name, field in Settings.model_fields.items()}
    known = {(s, f) for s, kind in sections.items() for f in kind.model_fields}  # type: ignore[union-attr]
    assert known - shown == {("model", "api_key"), ("calendar", "password")}
    assert load(tmp_path, toml).model.price_out == 0.60
