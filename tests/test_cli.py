"""The command line: exit codes, messages, and output for people and machines."""

import json

import pytest

from semsearch import cli
from tests.test_precompute import make_world


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
    assert run(capsys, "datasets", "verify", "mine")[:2] == (0, "mine: whole\n")
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


@pytest.mark.parametrize("link", ["HTTP://127.0.0.1/a.jpg", " https://127.0.0.1/a.jpg", "http:/127.0.0.1/a.jpg"])
def test_a_link_is_one_however_it_is_written(home, capsys, link):
    code, _, err = run(capsys, "search", link, "--in", "groceries200", "--model", "mobilenetv2")
    assert code == 2 and "leads to an address that is not public" in err


def test_a_link_of_another_kind_is_no_file(home, capsys):
    code, _, err = run(capsys, "search", "ftp://a.example/a.jpg", "--in", "groceries200", "--model", "mobilenetv2")
    assert code == 2 and "expected http or https, got 'ftp'" in err
