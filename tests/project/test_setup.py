"""What `make` does before anything is downloaded: another Python, one without venv, and a full disk are refused."""

import os
import shutil
import subprocess
import sys

import pytest

from tests import ROOT


def fake(folder, name, *, version, venv=True):
    """A Python that only says its version, and whether it can make environments; all it was asked is kept."""
    path = folder / name
    fits = venv and version in ("3.11", "3.12", "3.13")
    path.write_text(
        f'#!/bin/sh\necho "$@" >> "{folder}/asked"\n'
        'case "$2" in\n'
        f'  *"print("*) echo {version};;\n'
        f'  *"sys.exit("*) exit {0 if fits else 1};;\n'
        f"  *ensurepip*) exit {0 if venv else 1};;\n"
        "esac\n"
    )
    path.chmod(0o755)
    return path


def make(folder, *words, path):
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "scripts", folder / "scripts", dirs_exist_ok=True)
    env = {"PATH": f"{path}:/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(["make", *words], cwd=folder, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("version", ["2.7", "3.10", "3.14", "3.15"])
def test_a_python_too_old_or_too_new_is_refused_before_anything_is_downloaded(tmp_path, version):
    python = fake(tmp_path, "mine", version=version)
    done = make(tmp_path, "app", f"PYTHON={python}", path=tmp_path)
    assert done.returncode == 2
    line = done.stderr.splitlines()[0]
    assert line.startswith(f"semsearch: expected Python 3.11, 3.12 or 3.13, got {version} as '{python}'. Install one")
    assert "pip" not in (tmp_path / "asked").read_text() and not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_a_python_of_the_last_three_years_is_taken(tmp_path, version):
    python = fake(tmp_path, "mine", version=version)
    make(tmp_path, ".venv/run.done", f"PYTHON={python}", path=tmp_path)
    assert "-m venv --clear .venv" in (tmp_path / "asked").read_text()


def test_the_first_python_that_fits_is_found(tmp_path):
    for name, version in (("python3", "3.10"), ("python3.13", "3.13"), ("python3.12", "3.12")):
        fake(tmp_path, name, version=version)
    done = make(tmp_path, "-n", "app", path=tmp_path)
    assert '"python3.13" -m venv' in done.stdout


def test_a_python_without_venv_names_the_package(tmp_path):
    python = fake(tmp_path, "mine", version="3.12", venv=False)
    done = make(tmp_path, "app", f"PYTHON={python}", path=tmp_path)
    assert (
        "cannot make virtual environments. Install what is missing (Debian, Ubuntu: apt install python3.12-venv)"
        in (done.stderr.splitlines()[0])
    )


def test_no_python_is_told(tmp_path):
    done = make(tmp_path, "app", "PYTHON=/nowhere/python", path=tmp_path)
    assert "expected Python 3.11, 3.12 or 3.13, got none as '/nowhere/python'" in done.stderr


def test_a_disk_without_room_is_told_before_anything_is_downloaded(tmp_path):
    fake(tmp_path, "python3", version="3.12")
    full = tmp_path / "df"
    full.write_text("#!/bin/sh\necho head\necho '/dev/x 9 8 900000 99% /'\n")
    full.chmod(0o755)
    done = make(tmp_path, "app", path=tmp_path)
    assert "expected 4 GB free on the disk of ., got 900 MB. Free some space" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(tmp_path):
    python = fake(tmp_path, "mine", version="3.12")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to("/nowhere/python3.9")
    for name in ("run.done", "dev.done"):
        (tmp_path / ".venv" / name).touch()
    make(tmp_path, ".venv/run.done", f"PYTHON={python}", path=tmp_path)
    assert "-m venv --clear .venv" in (tmp_path / "asked").read_text()


def test_an_environment_that_works_is_kept(tmp_path):
    python = fake(tmp_path, "mine", version="3.12")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    make(tmp_path, "-n", "app", f"PYTHON={python}", path=tmp_path)
    done = make(tmp_path, "-n", "app", f"PYTHON={python}", path=tmp_path)
    assert "--clear" not in done.stdout and f'"{python}" -m venv  .venv' in done.stdout


def test_the_package_says_the_same_of_python():
    assert 'requires-python = ">=3.11,<3.14"' in (ROOT / "pyproject.toml").read_text()
    assert os.access(ROOT / "scripts" / "check-machine", os.X_OK)
