"""Where things are kept, whatever the environment says, or one sentence that names the variable."""

import os
import pwd

import pytest

from semsearch.errors import InputError
from semsearch.settings import _settings, settings


@pytest.fixture
def told(monkeypatch, tmp_path):
    """The home that an environment gives; None leaves a variable out."""

    def home(**variables):
        for name in ("HOME", "SEMSEARCH_HOME", "SEMSEARCH_PRECOMPUTED"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.chdir(tmp_path)
        _settings.cache_clear()
        return settings().home

    return home


@pytest.mark.parametrize("text", ["{0}/a b/äpfel", "{0}/a b/äpfel/", "a b/äpfel", "./x/../a b/äpfel", "~/a b/äpfel"])
def test_every_way_to_write_a_place(told, tmp_path, text):
    assert told(HOME=tmp_path, SEMSEARCH_HOME=text.format(tmp_path)) == tmp_path / "a b" / "äpfel"


def test_the_default_is_below_the_users_folder_also_when_its_variable_is_absent_or_empty(told, tmp_path, monkeypatch):
    own = os.path.realpath(pwd.getpwuid(os.getuid()).pw_dir)
    assert told(HOME=tmp_path) == tmp_path / ".cache" / "semsearch"
    assert str(told()) == str(told(HOME="")) == f"{own}/.cache/semsearch"
    assert told(HOME=tmp_path, SEMSEARCH_HOME="") == tmp_path / ".cache" / "semsearch"


def test_a_user_without_a_folder_is_told_the_variable(told, tmp_path, monkeypatch):
    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert told(SEMSEARCH_HOME=tmp_path) == tmp_path
    with pytest.raises(InputError, match="this user has no folder of its own; set SEMSEARCH_HOME to"):
        told()


def test_the_folder_of_a_user_that_is_none_is_told(told):
    with pytest.raises(InputError, match="SEMSEARCH_HOME: expected a folder, got '~nobody-at-all/x'"):
        told(SEMSEARCH_HOME="~nobody-at-all/x")


def test_a_folder_that_was_removed_under_our_feet_is_told(told, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    told(SEMSEARCH_HOME="rel/one")
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("SEMSEARCH_HOME", "rel/two")
    with pytest.raises(InputError, match="SEMSEARCH_HOME: expected a folder, got 'rel/two'.*absolute path"):
        settings()
