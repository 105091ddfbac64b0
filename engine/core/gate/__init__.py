"""The content gate: what may be said, to whom and in which words. Pure functions on rules that are data.

`judge_template` looks at a template once: its own words, every way in which it may choose them, its layout. What it
learns of them goes to `judge_message`, which looks at one message as it is sent, only where it differs. Both together
find what `judge_whole` finds in the message alone (decision 29). `judge_sequence` reads the messages of a campaign one
after another. The rules stand in engine/rules/content.
"""

from engine.core.gate.message import NOT_JUDGED, Judged, judge_message, judge_whole
from engine.core.gate.rules import ContentRules, Rule
from engine.core.gate.scene import Concern, Part, Role, Scene
from engine.core.gate.sequence import Told, judge_sequence
from engine.core.gate.template import judge_template

__all__ = [
    "NOT_JUDGED", "Concern", "ContentRules", "Judged", "Part", "Role", "Rule", "Scene", "Told",
    "judge_message", "judge_sequence", "judge_template", "judge_whole",
]  # fmt: skip
