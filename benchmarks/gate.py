"""What it costs to look a message's words over as it is sent: `engine.core.gate.judge_message` on the shipped set.

    .venv/bin/python -m benchmarks.gate [--people 200] [--rounds 5] [--languages en,es]

Every shipped template is rendered for as many people. In the ordinary case they have the first names of a practice,
some of them more often than others; in the worst every name is new, so that no unit with a name has been seen before.
The figures are microseconds of CPU a message, without the rendering, the best round of several; the verdict is against
the limit of 50. Beside them stands what the same words cost without any knowledge of their template (`judge_whole` with
its judge at hand), and what judging the templates themselves takes, which happens once.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice, product
from typing import Any

from engine.core.gate import judge_message, judge_template
from engine.core.gate.judging import judge_for
from engine.core.gate.message import lacking, parts_of
from engine.core.gate.shapes import shapes
from engine.core.render import Email, Sms
from tests.core.gate.shipped import Shipped, compiled, content_rules, scene_of, shipped

LIMIT = 50.0
_NAMES = (
    "Ann Bob Carla David Elena Frank Grace Henry Irene James Kate Luis Maria Nora Oscar Paula Quinn Rosa Sam".split()
)
_SYLLABLES = "ba be bi bo da de di do ka ke ki ko la le li lo ma me mi mo na ne ni no ra re ri ro sa se si so".split()


def _new_names() -> Iterator[str]:
    """Names that nobody has, each once."""
    for parts in product(_SYLLABLES, repeat=4):
        yield "".join(parts).capitalize()


def _messages(one: Shipped, names: list[str]) -> list[tuple[Email | Sms, str]]:
    """The words of one template for people of these names, each with links of their own."""
    found = []
    for number, name in enumerate(names):
        context: dict[str, Any] = next(shapes(one.template, one.scene, name))
        context["link"] = {kind: f"{link[:-6]}{number:06d}" for kind, link in context["link"].items()}
        found.append((one.template.render(context), name))
    return found


_Drawn = list[tuple[Shipped, list[tuple[Email | Sms, str]]]]


def _cost(work: Callable[[_Drawn], None], drawn: _Drawn) -> float:
    """Microseconds of CPU a message."""
    began = time.process_time()
    work(drawn)
    return (time.process_time() - began) / sum(len(messages) for _, messages in drawn) * 1e6


def _as_sent(drawn: _Drawn) -> None:
    rules = content_rules()
    for one, messages in drawn:
        for words, name in messages:
            judge_message(words, one.judged, one.scene, rules, (name,))


def _knowing_nothing(drawn: _Drawn) -> None:
    rules = content_rules()
    for one, messages in drawn:
        judge = judge_for(rules, one.scene)
        for words, _ in messages:
            has = 0
            for part, blocks in parts_of(words, judge, ()):
                for block in blocks:
                    has |= judge.fresh(part, block).has
            lacking(words, judge, has, one.judged.books)


def measure(language: str, people: int, rounds: int) -> float:
    """Prints the figures of a language and returns the worst case."""
    every, new = shipped(language), _new_names()
    familiar = [_NAMES[number % len(_NAMES)] for number in range(people)]
    costs: dict[str, list[float]] = {}
    for _ in range(rounds):
        ordinary = [(one, _messages(one, familiar)) for one in every]
        worst = [(one, _messages(one, list(islice(new, people)))) for one in every]
        few = [(one, messages[:2]) for one, messages in ordinary]
        _as_sent(few)  # so that nothing is made for the first time while it is measured
        for name, work, drawn in (
            ("ordinary", _as_sent, ordinary),
            ("every name new", _as_sent, worst),
            ("knowing nothing of the template", _knowing_nothing, few),
        ):
            costs.setdefault(name, []).append(_cost(work, drawn))
    for name, measured in costs.items():
        print(f"  {language}: {name:<33} {min(measured):8.1f} us a message", flush=True)
    return min(costs["every name new"])


def _templates(language: str) -> None:
    sources = compiled(language)
    began = time.process_time()
    for campaign, template, source in sources:
        judge_template(template, source, scene_of(campaign, template), content_rules())
    took = (time.process_time() - began) * 1000
    print(f"  {language}: judging all {len(sources)} templates once        {took:8.0f} ms", flush=True)


def main() -> int:
    """Both languages; 1 when a message costs more than the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--languages", default=",".join(content_rules().languages))
    said = parser.parse_args()
    languages = said.languages.split(",")
    for language in languages:
        _templates(language)
    worst = max(measure(language, said.people, said.rounds) for language in languages)
    print(f"\n  worst {worst:.1f} us of {LIMIT:.0f}: ratio {worst / LIMIT:.2f}")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
