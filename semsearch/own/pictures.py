"""What is known of the pictures of a dataset of one's own, those that were taken out included."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from semsearch.data import dataset
from semsearch.data.dataset import Dataset
from semsearch.data.folder import LeftOut, natural
from semsearch.names import path_text
from semsearch.settings import settings

HERE, REMOVED, GONE = "here", "removed", "gone"
"""A picture of the dataset; one that was taken out by hand; one whose file was no longer in the folder."""


@dataclass(frozen=True)
class Picture:
    """One picture, whether it is among those of the dataset or was."""

    sha256: str
    """Of its file, hex."""
    title: str
    """Of its class."""
    by_hand: bool = False
    """Whether the class was chosen by a person: the folder it lies in says nothing then."""
    state: str = HERE
    """One of HERE, REMOVED and GONE."""
    stamp: str = ""
    """Of the file when its digest was taken, see ``folder.Scan``; no part of what is known of the picture."""

    @cached_property
    def facts(self) -> str:
        """All but the stamp, as one line that ``read`` reads."""
        return json.dumps([self.sha256, self.title, self.by_hand, self.state])


Pictures = Mapping[str, Picture]
"""By file: its path below the folder of the dataset, or, after a slash, below the dataset's own folder."""


def read(rows: Sequence[tuple[str, str]]) -> list[Picture]:
    """The pictures of which these are the lines and stamps."""
    found = []
    told = json.loads(f"[{','.join(facts for facts, _ in rows)}]")
    for (facts, stamp), (pin, title, by_hand, state) in zip(rows, told, strict=True):
        picture = Picture(pin, title, by_hand, state, stamp)
        object.__setattr__(picture, "facts", facts)  # to make it of them again takes a second for ten thousands
        found.append(picture)
    return found


def of(listed: Dataset) -> dict[str, Picture]:
    """The pictures of a dataset that has no history."""
    home = str(settings().datasets / listed.name)
    return {item.file.removeprefix(home): Picture(item.sha256, listed.classes[item.label]) for item in listed.items}


def here(pictures: Pictures) -> int:
    """How many are among those of the dataset."""
    return sum(picture.state == HERE for picture in pictures.values())


def listed(name: str, title: str, pictures: Pictures, root: Path, left_out: tuple[LeftOut, ...]) -> Dataset:
    """The dataset that these pictures make: classes and their files in natural order."""
    home = str(settings().datasets / name)
    chosen = [(picture.title, file, picture.sha256) for file, picture in pictures.items() if picture.state == HERE]
    titles = {title: natural(title) for title in {row[0] for row in chosen}}
    chosen.sort(key=lambda row: (titles[row[0]], natural(row[1])))
    labels = {title: label for label, title in enumerate(dict.fromkeys(title for title, _, _ in chosen))}
    rows = ((labels[title], pin, home + file if file.startswith("/") else file) for title, file, pin in chosen)
    about = (title, "the owner's", "" if root == Path(home) else path_text(root))
    return dataset.listed(name, about, list(labels), rows, root, left_out=left_out)


def card(listed: Dataset) -> bytes:
    """The dataset as it is stored."""
    own = settings().datasets / listed.name
    return dataset.card(listed, folder="" if listed.root == own else str(listed.root))


def changed(pictures: Pictures, files: Mapping[str, Picture | None]) -> dict[str, Picture]:
    """``pictures`` with others in the place of some, or none."""
    after = {**pictures, **{file: picture for file, picture in files.items() if picture}}
    return {file: picture for file, picture in after.items() if files.get(file, picture)}
