"""What clients and browser of ``chaos.py`` saw, what of it misses a target, and its table."""

from collections import Counter
from dataclasses import dataclass, field

MEMORY, SOON = 350, 5.0
"""Megabytes of the server at the most; seconds until all is well."""


@dataclass
class Seen:
    """What clients and browser saw, counted."""

    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """Those that are allowed, in words."""
    pages: Counter[str] = field(default_factory=Counter)
    deeds: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)
    pulled: str = "not asked for"
    deaths: int = 0
    quiet: float = 0.0
    """Seconds at the end in which no features were spoiled."""
    well: float = float("nan")
    slowest: float = 0.0
    after: "Seen | None" = None


def verdict(seen: Seen) -> list[str]:
    """The targets that were missed."""
    missed = list(dict.fromkeys(seen.faults + (seen.after.faults if seen.after else [])))
    missed += [f"{seen.deaths} deaths"] if seen.deaths else []
    missed += [f"well after {seen.well:.1f} s"] if not seen.well <= SOON else []
    missed += [f"{max(seen.memory):.0f} MB"] if max(seen.memory) > MEMORY else []
    return missed


def report(seen: Seen) -> None:
    """Print all figures."""
    for title, counts in (("deeds", seen.deeds), ("answers", seen.answers), ("pages", seen.pages)):
        print(f"\n| {title} | number |\n|---|---|")
        for name, number in sorted(counts.items()):
            print(f"| {name} | {number:,} |")
        print(f"| all | {sum(counts.values()):,} |")
    print(f"\nuntil well: {dict(seen.after.answers) if seen.after else {}}")
    for refusal in seen.after.refusals[:20] if seen.after else []:
        print(f"  {refusal}")
    print(f"second model: {seen.pulled}")
    print(f"deaths: {seen.deaths}; wrong answers: {seen.answers['200 WRONG']}; slowest answer {seen.slowest:.1f} s")
    print(f"well {seen.well:.1f} s after the end (target ≤ {SOON:g}), in whose last ", end="")
    print(f"{seen.quiet:.0f} s nothing was spoiled that takes longer to make anew")
    middle = sorted(seen.memory)[len(seen.memory) // 2]
    print(f"memory {middle:.0f} MB, at most {max(seen.memory):.0f} (target ≤ {MEMORY})", flush=True)
