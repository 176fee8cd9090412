"""Six pictures in two classes, told apart by their colour."""

from tests.worlds.files.bitmaps import write_bmp


def make_world(folder):
    """Two classes of three reds and three blues."""
    for number in range(3):
        write_bmp(folder / "red" / f"{number}.bmp", (250 - 9 * number, 0, number))
        write_bmp(folder / "blue" / f"{number}.bmp", (0, number * 5, 240 - 7 * number))
    return folder
