"""Attacks on the decoders: what costs too much is refused or bounded, and nobody keeps others from their turn."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks import attack_pictures
from semsearch import images
from semsearch.errors import Busy, ImageRefused
from semsearch.images import costs, decoder, pixels, sandbox, structure, turns
from semsearch.images.pixels import Request
from tests.images.handmade import RGB, encode
from ui.live import uploads

pytestmark = pytest.mark.usefixtures("fresh_children")
SOON = 20.0
"""Seconds, for what comes at once unless the machine is busy."""


def later():
    return time.monotonic() + SOON


# Turns


class Queue:
    """Clients in threads that take their turns, and the order in which they came to it."""

    def __init__(self):
        self.turns, self.order, self.threads = turns.Turns(), [], []

    def hold(self, client, *, large=False):
        """Take a place until the event that is returned is set."""
        leave, held = threading.Event(), threading.Event()

        def work():
            with self.turns.turn(client, large=large, deadline=later()):
                held.set()
                leave.wait(SOON)

        threading.Thread(target=work).start()
        assert held.wait(SOON)
        return leave

    def wait(self, client, *, large=False):
        """Begin to wait for a turn."""
        before = len(self.turns._waiting)

        def work():
            with self.turns.turn(client, large=large, deadline=later()):
                self.order.append(client)

        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()
        until = later()
        while len(self.turns._waiting) == before and time.monotonic() < until:
            time.sleep(0.001)

    def come(self):
        for thread in self.threads:
            thread.join(SOON)
        return self.order


def test_large_pictures_never_hold_every_place():
    queue = Queue()
    first = queue.hold("a", large=True)
    queue.wait("b", large=True)
    with queue.turns.turn("c", large=False, deadline=later()):
        assert queue.order == []
    first.set()
    assert queue.come() == ["b"]


def test_who_holds_a_place_waits_for_others():
    queue = Queue()
    first, second = queue.hold("greedy"), queue.hold("other")
    for client in ("greedy", "greedy", "modest"):
        queue.wait(client)
    second.set()
    until = later()
    while not queue.order and time.monotonic() < until:
        time.sleep(0.001)
    first.set()
    assert queue.come() == ["modest", "greedy", "greedy"]


def test_who_had_most_of_the_decoders_comes_last_and_newcomers_save_up_nothing():
    queue = Queue()
    queue.turns._charge("heavy", 3.0)
    queue.turns._charge("light", 1.0)
    first, second = queue.hold("x"), queue.hold("y")
    for client in ("heavy", "light", "new"):
        queue.wait(client)
    first.set()
    assert queue.come() == ["new", "light", "heavy"]
    second.set()
    assert queue.turns._now >= 3.0, "whoever comes now begins where the last one in turn stood"


def test_a_refused_picture_counts_more():
    line = turns.Turns()
    for client, fault in (("good", None), ("bad", ImageRefused("corrupt", "x"))):
        try:
            with line.turn(client, large=False, deadline=later()):
                time.sleep(0.002)
                if fault:
                    raise fault
        except ImageRefused:
            pass
    assert line._accounts["bad"] > 3 * line._accounts["good"] > 0


def test_accounts_that_say_nothing_are_forgotten(monkeypatch):
    monkeypatch.setattr(turns, "CLIENTS", 10)
    line = turns.Turns()
    for number in range(100):
        with line.turn(f"c{number}", large=False, deadline=later()):
            pass
        line._now = max(line._accounts.values())
    assert len(line._accounts) <= 11


def test_no_place_in_time_is_busy_and_blames_no_picture(monkeypatch):
    queue = Queue()
    monkeypatch.setattr(sandbox, "_TURNS", queue.turns)
    leave = [queue.hold("a"), queue.hold("b")]
    start = time.monotonic()
    with images.asked_by("c", start + 0.1), pytest.raises(Busy, match="no decoder of pictures became free in time"):
        images.load_isolated(encode(RGB))
    assert 0.1 <= time.monotonic() - start < 5 and not queue.turns._waiting
    for event in leave:
        event.set()


def test_large_pictures_that_cannot_all_wait_are_told_at_once():
    queue = Queue()
    first = queue.hold("a", large=True)
    for _ in range(turns.LARGE_EACH):
        queue.wait("b", large=True)

    def ask(client, deadline):
        with queue.turns.turn(client, large=True, deadline=deadline):
            return True

    with pytest.raises(Busy, match="too many large pictures"):
        ask("b", later())
    for number in range(turns.LARGE - turns.LARGE_EACH):
        queue.wait(f"c{number}", large=True)
    with pytest.raises(Busy, match="too many large pictures"):
        ask("d", later())
    with ThreadPoolExecutor(1) as pool:
        own = pool.submit(ask, "own", float("inf"))  # the owner's pictures wait
        first.set()
        assert own.result(SOON)
    assert len(queue.come()) == turns.LARGE


# Attacks


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("scans without end", "at most 100 scans"),
        ("flood of markers", "parts"),
        ("flood of comments", "parts"),
        ("flood of chunks", "parts"),
        ("flood of strips", "strips or tiles"),
    ],
)
def test_what_is_gone_over_without_end_is_refused_by_both_doors(name, words):
    data = attack_pictures.ATTACKS[name](1)
    for door in (images.load, images.load_isolated):
        with pytest.raises(ImageRefused, match=words) as caught:
            door(data)
        assert caught.value.reason == "corrupt"


def test_ordinary_files_are_far_from_those_limits():
    noise = attack_pictures.good_picture(3)
    picture = images.load(noise)
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"):
        images.load(encode(picture, kind))
    assert structure.jpeg(encode(picture, "JPEG", progressive=True)).scans == 10
    bomb = attack_pictures.progressive_bomb(scans=structure.SCANS - 10, side=64)
    assert structure.jpeg(bomb).scans <= structure.SCANS and images.load(bomb).shape == (64, 64, 3)


def test_a_picture_of_35_bytes_takes_no_memory_of_the_server(monkeypatch):
    data, came = attack_pictures.large_gif(), []
    begin = sandbox.decode
    monkeypatch.setattr(sandbox, "decode", lambda *what: came.append(begin(*what)) or came[-1])
    [picture], refused = uploads.accept([("a.gif", lambda: data)])
    assert len(data) == 35 and not refused and picture.preview.startswith("data:image/jpeg;base64,")
    assert [rgb.shape for rgb in came] == [(256, 512, 3)]
    assert images.load_small(data, 512).shape == (256, 512, 3)


def peak(pid, what="VmHWM"):
    """Megabytes of a process."""
    return int((Path("/proc") / str(pid) / "status").read_text().split(f"{what}:")[1].split()[0]) // 1_000


def test_a_large_picture_leaves_the_warm_child_to_small_ones_and_its_own_is_not_kept(monkeypatch):
    images.load_isolated(encode(RGB))
    [warm] = sandbox._IDLE
    started = []
    begin = sandbox._Decoder.__init__
    monkeypatch.setattr(sandbox._Decoder, "__init__", lambda self: (begin(self), started.append(self))[0])
    assert images.load_small_isolated(attack_pictures.large_gif(), 64).shape == (32, 64, 3)
    assert sandbox._IDLE == [warm] and warm.alive and peak(warm._process.pid) < 60
    assert len(started) == 1 and not started[0].alive


def test_the_child_of_the_owners_large_pictures_is_kept():
    with images.asked_by(deadline=float("inf")):
        assert images.load_small_isolated(attack_pictures.large_gif(), 64).shape == (32, 64, 3)
    assert len(sandbox._IDLE) == 2, "the one that tried it as a small one, and its own"


def test_what_takes_longer_than_it_announces_is_ended_and_small_ones_go_on(monkeypatch):
    """A child whose header is cheap and whose pixels never end: first tried as small, then as large, each ended."""
    endless = "import signal; from semsearch.images import decoder, pixels; "
    endless += "pixels._rgb = lambda *_: [0 for _ in iter(int, 1)]; decoder.OPENING = decoder.SMALL_SECONDS = 0.05; "
    endless += "from semsearch.images import costs; costs.Cost.budget = property(lambda self: 0.05); decoder.serve()"
    code = sandbox._Decoder.__init__.__code__
    changed = tuple(
        value.replace("from semsearch.images import decoder; decoder.serve()", endless)
        if isinstance(value, str)
        else value
        for value in code.co_consts
    )
    assert changed != code.co_consts
    monkeypatch.setattr(sandbox._Decoder.__init__, "__code__", code.replace(co_consts=changed))
    with pytest.raises(ImageRefused, match="longer than pictures of its size") as caught:
        images.load_isolated(encode(RGB))
    assert caught.value.reason == "timeout"
    monkeypatch.setattr(sandbox._Decoder.__init__, "__code__", code)
    assert (images.load_isolated(encode(RGB)) == RGB).all()


def test_the_budget_follows_what_is_announced():
    def cost(data):
        with pixels.opened(data, Request()) as picture:
            return picture.cost

    small = cost(encode(RGB))
    assert small.budget < 1.1 and small.memory == 4 * RGB.size // 3
    gif = cost(attack_pictures.large_gif())
    assert gif.seconds > decoder.SMALL[0] and gif.memory == 50_000_000 and 2 < gif.budget < 4
    scans = cost(attack_pictures.progressive_bomb(scans=50, side=512))
    assert scans.memory == 512 * 512 * (1 + 2) and scans.seconds > 2 * costs._SECONDS["JPEG"][0] * 0.26


BADS = [kind(number) for kind in (attack_pictures.progressive_bomb, attack_pictures.large_gif) for number in (0, 1)]


def attack(number, stop, waits):
    """Send one bomb after the other until it is over; what was waited for each goes into ``waits``."""
    turn = number
    while not stop.is_set():
        start, turn = time.monotonic(), turn + 1
        try:
            with images.asked_by(f"bad {number}"):
                images.load_square_isolated(BADS[turn % len(BADS)], 224, resample="antialias")
        except Busy:
            stop.wait(1)  # as the answer's Retry-After says
        except ImageRefused:
            stop.wait(0.05)
        waits.append(time.monotonic() - start)


def kill(stop):
    """End an idle decoder now and then."""
    while not stop.wait(1.5):
        for child in sandbox._IDLE[:1]:
            os.kill(child._process.pid, signal.SIGKILL)


def high(seconds):
    """The 95th percentile of the seconds that a good client waits for a picture, one after the other."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        with images.asked_by("good"):
            images.load_square_isolated(attack_pictures.good_picture(len(took) % 5), 224, resample="antialias")
        took.append(time.monotonic() - start)
    return sorted(took)[int(0.95 * len(took))]


@pytest.mark.alone
def test_attackers_do_not_slow_a_good_client():
    """Beside twenty with bombs of scans and large pictures, and killed decoders, it waits at most thrice as long."""
    high(1)
    calm, stop, waits = high(2), threading.Event(), [0.0]
    threads = [threading.Thread(target=attack, args=(number, stop, waits)) for number in range(20)]
    threads.append(threading.Thread(target=kill, args=(stop,)))
    for thread in threads:
        thread.start()
    try:
        beside = high(5)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert beside <= 3 * max(calm, 0.03), (calm, beside)
    assert max(waits) < sandbox.SECONDS + 1.5
