"""The command line: exit codes, messages, and output for people and machines."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from semsearch import cli
from semsearch.data import datasets
from semsearch.errors import StorageError
from semsearch.files import storage
from tests import ROOT
from tests.worlds import rest_world
from tests.worlds.colour_world import make_world


def run(capsys, *words):
    code = cli.main(words)
    out, err = capsys.readouterr()
    return code, out, err


def test_models_list_says_for_each_model_whether_its_weights_are_here(home, capsys):
    code, out, _ = run(capsys, "models", "list", "--json")
    rows = {row["model"]: row for row in json.loads(out)}
    assert code == 0
    assert rows["vgg16"]["parameters"] == 14_714_688
    assert not any(row["here"] for row in rows.values())


def test_a_table_for_people_is_markdown(home, capsys):
    _, out, _ = run(capsys, "datasets", "list")
    head, rule, *rows = out.splitlines()
    assert head.startswith("| dataset") and set(rule) == {"|", "-"}
    assert {row.split("|")[1].strip() for row in rows} >= {"groceries200", "iconic200"}
    assert len({len(line) for line in out.splitlines()}) == 1


def test_an_unknown_name_is_2_and_lists_the_valid_ones(home, capsys):
    code, out, err = run(capsys, "models", "verify", "alexnet")
    assert (code, out) == (2, "")
    assert "alexnet" in err and "vgg16" in err


def test_what_cannot_be_had_is_3_with_the_cure(home, capsys):
    code, _, err = run(capsys, "models", "verify", "mobilenetv2")
    assert code == 3
    assert "semsearch models pull mobilenetv2" in err


def test_damage_is_4_and_names_the_file(home, tmp_path, capsys):
    folder = make_world(tmp_path / "mine")
    assert run(capsys, "datasets", "add", "mine", "--from", str(folder))[0] == 0
    code, said, _ = run(capsys, "datasets", "verify", "mine", "--json")
    whole = {"dataset": "mine", "what": "pictures", "checked": 6, "problems": []}
    assert code == 0 and json.loads(said) == [whole]
    (folder / "red" / "0.bmp").write_bytes(b"changed")
    code, out, _ = run(capsys, "datasets", "verify", "mine")
    assert code == 4
    assert "0.bmp" in out


def test_add_says_what_it_found(home, tmp_path, capsys):
    code, out, _ = run(capsys, "datasets", "add", "mine", "--from", str(make_world(tmp_path / "mine")))
    assert (code, out) == (0, "mine: 6 pictures of 2 classes\n")


def test_words_that_are_off_are_2(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["models", "fly"])
    assert stop.value.code == 2


def test_a_shard_that_is_none_is_2(home, capsys):
    code, _, err = run(capsys, "precompute", "groceries200", "--models", "mobilenetv2", "--shard", "5/4")
    assert code == 2
    assert "5/4" in err


def command(*words, **options):
    """The command in a process of its own."""
    python = [sys.executable, "-m", "semsearch", *words]
    return subprocess.run(python, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=60, **options)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), 5, "cannot use /data/x: the disk is full; "),
        (OSError(errno.EDQUOT, "Quota", "/data/x"), 5, "cannot use /data/x: the disk quota of this user is used up; "),
        (
            OSError(errno.EACCES, "denied", "/data/x"),
            5,
            "/data/x: this user may not do that there; give this user the right",
        ),
        (OSError(errno.EROFS, "ro", "/data/x"), 5, "cannot use /data/x: that disk is read-only; "),
        (OSError(errno.EIO, "io", "/data/x"), 5, "cannot use /data/x: the disk reports a fault; check that disk"),
        (OSError(errno.EMFILE, "many", "/data/x"), 5, "this process has as many files open as it may; raise the limit"),
        (MemoryError(), 5, "the machine is short of memory"),
        (KeyboardInterrupt(), 130, "interrupted; the same command resumes"),
        (ZeroDivisionError("division by zero"), 1, "a fault of semsearch itself (ZeroDivisionError: division by zero)"),
        (StorageError("cannot use x:\n full"), 5, "cannot use x: full"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_every_failure_is_one_line_and_a_code(home, capsys, monkeypatch, error, code, line):
    def fail():
        raise error

    monkeypatch.setattr(datasets, "names", fail)
    got, out, err = run(capsys, "datasets", "list")
    assert (got, out) == (code, "")
    assert err.startswith("semsearch: ") and line in err and err.count("\n") == 1
    assert "Traceback" in run(capsys, "datasets", "list", "--debug")[2]


@pytest.mark.parametrize(
    ("path", "variable"),
    [("home/weights/x", "SEMSEARCH_HOME"), ("store/manifest.json", "SEMSEARCH_PRECOMPUTED"), (".", "SEMSEARCH_HOME")],
)
def test_a_full_disk_names_the_setting_that_moves_the_file(home, tmp_path, monkeypatch, path, variable):
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(tmp_path / "store"))
    message = str(storage.explain(OSError(errno.ENOSPC, "full", str(tmp_path / path))))
    assert message.endswith(f"free some space, or set {variable} to a folder on another disk")


def test_a_closed_pipe_ends_quietly(home):
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -m semsearch models list | true; echo "${{PIPESTATUS[0]}}"'],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
    )
    assert done.stderr == b""
    assert done.stdout in (b"141\n", b"0\n")  # 0 where all was written before the other end was closed


def test_a_reader_that_left_is_141(home):
    left, right = os.pipe()
    os.close(left)
    done = command("models", "list", stdout=right, stderr=subprocess.PIPE)
    os.close(right)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_full_disk_under_the_output_is_told(home):
    with open("/dev/full", "wb") as full:
        done = command("models", "list", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 5
    assert done.stderr.startswith(b"semsearch: cannot use the output of this command: the disk is full")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("coding", ["latin-1", "ascii", "utf-8"])
def test_any_terminal_shows_any_name(home, tmp_path, coding):
    folder = make_world(tmp_path / "mine")
    (folder / "red").rename(folder / "\u82f9\u679c\u2026")
    env = {**os.environ, "PYTHONIOENCODING": coding}
    done = command("datasets", "add", "mine", "--from", str(folder), env=env, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    done = command("datasets", "add", "mine", "--from", str(folder / "\u2026nowhere"), env=env, capture_output=True)
    assert done.returncode == 2 and b"Traceback" not in done.stderr
    assert ("\u2026nowhere" if coding == "utf-8" else r"\u2026nowhere") in done.stderr.decode(coding)


def test_output_that_is_closed_is_no_failure(home):
    done = subprocess.run(["bash", "-c", f'"{sys.executable}" -m semsearch models list >&- 2>&-'], cwd=ROOT, timeout=60)
    assert done.returncode == 0


def test_being_told_to_end_is_143(home, capsys, monkeypatch):
    def end():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    monkeypatch.setattr(datasets, "names", end)
    before = signal.getsignal(signal.SIGTERM)
    assert run(capsys, "datasets", "list") == (143, "", "semsearch: ended; the same command resumes\n")
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("link", ["HTTP://127.0.0.1/a.jpg", " https://127.0.0.1/a.jpg", "http:/127.0.0.1/a.jpg"])
def test_a_link_is_one_however_it_is_written(home, capsys, link):
    code, _, err = run(capsys, "search", link, "--in", "groceries200", "--model", "mobilenetv2")
    assert code == 2 and "leads to an address that is not public" in err


def test_a_link_of_another_kind_is_no_file(home, capsys):
    code, _, err = run(capsys, "search", "ftp://a.example/a.jpg", "--in", "groceries200", "--model", "mobilenetv2")
    assert code == 2 and "expected http or https, got 'ftp'" in err


def test_a_dataset_of_ones_own_is_made_changed_and_looked_after(home, tmp_path, capsys, monkeypatch):
    def say(*words):
        code = cli.main(["datasets", *words])
        return code, capsys.readouterr().out.strip()

    for place in range(12):
        kind = "cat" if place % 2 else "dog"
        storage.write_bytes(tmp_path / "photos" / kind / f"{place}.bmp", rest_world.at(place))
    assert say("create", "mine", "--from", str(tmp_path / "photos")) == (0, "mine: 12 pictures of 2 classes")
    storage.write_bytes(tmp_path / "photos" / "cow" / "new.bmp", rest_world.at(14))
    (tmp_path / "photos" / "cat" / "1.bmp").rename(tmp_path / "photos" / "dog" / "one.bmp")
    told = "mine: 1 added, 1 moved; 11 as they were\n  added: cow/new.bmp\n  moved: cat/1.bmp -> dog/one.bmp"
    assert say("sync", "mine", "--dry-run") == (0, told) == say("sync", "mine")
    assert json.loads(say("sync", "mine", "--json")[1])["unchanged"] == 13
    assert say("relabel", "mine", "Wolf", "0.bmp", "dog/2.bmp") == (0, "mine: 13 pictures of 4 classes")
    assert say("remove", "mine", "new.bmp")[1].startswith("mine: 12 pictures of 3 classes; ")
    assert say("undo", "mine") == (0, "mine: took back: removed new.bmp; 13 pictures of 4 classes")
    assert [step["what"] for step in json.loads(say("history", "mine", "--json")[1])][-1] == "added"
    assert json.loads(say("status", "mine", "--json")[1])[0]["pictures"] == 13
    assert ["|", "pictures", "|", "13", "|"] in [line.split() for line in say("status", "mine")[1].splitlines()]
    assert say("repair", "mine") == (0, "mine: whole")
    monkeypatch.chdir(tmp_path)
    assert say("export", "mine") == (0, "mine.csv: 13 pictures of 4 classes; 0.0 MB") and say("export", "mine")[0] == 2
    assert say("delete", "mine")[0] == 0 and say("status", "mine")[0] == 2
    assert say("restore", "mine") == (0, "mine: 13 pictures of 4 classes")
    labels = tmp_path / "mine.csv"
    again = ("create", "again", "--from", str(tmp_path / "photos"), "--labels", str(labels))
    assert say(*again) == (0, "again: 13 pictures of 4 classes") and say(*again)[0] == 2
    assert say("create", "third", "--from", str(tmp_path / "photos"), "--labels", str(tmp_path / "none"))[0] == 2
    shutil.rmtree(tmp_path / "photos")
    assert say("sync", "mine")[0] == 3 and say("sync", "groceries200")[0] == 2
