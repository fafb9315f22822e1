"""What was done to one image, action by action: saved at once, undone without end.

A journal is a file of JSON lines. An action's line holds what to do again and what to put back;
undoing and redoing are lines, too, so that nothing is ever taken out and the file tells, with
times, what people did. A last line that a crash cut short is dropped.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Action = dict[str, Any]


@dataclass
class Journal:
    """The actions on one image, in a file.

    Attributes
    ----------
    path
        The file; it need not be there.
    done, undone
        Actions that count, and those that were taken back, the last one last.
    version
        Number of lines: grows with every change.
    """

    path: Path
    done: list[Action] = field(default_factory=list)
    undone: list[Action] = field(default_factory=list)
    version: int = 0

    def __post_init__(self) -> None:
        self.known: set[str] = set()
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        whole = content[: content.rfind(b"\n") + 1]
        for line in whole.splitlines():
            self._take(json.loads(line))
        if whole != content:
            with self.path.open("r+b") as file:
                file.truncate(len(whole))

    def knows(self, action_id: str) -> bool:
        """Say whether an action came before: a request that got no answer is sent again."""
        return action_id in self.known

    def add(self, action: Action) -> None:
        """Append an action, which has an ``id``; what was undone before can't be redone now."""
        self._append({"t": round(time.time(), 3), **action})

    def undo(self, action_id: str) -> bool:
        """Take the last action back; False where there is none, or that was done already."""
        return self._turn("undo", action_id, self.done)

    def redo(self, action_id: str) -> bool:
        """Do again what was taken back last; False as for `undo`."""
        return self._turn("redo", action_id, self.undone)

    def _turn(self, way: str, action_id: str, actions: list[Action]) -> bool:
        if not actions or self.knows(action_id):
            return False
        self._append({"t": round(time.time(), 3), "id": action_id, way: actions[-1]["id"]})
        return True

    def _append(self, line: Action) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n")
        self._take(line)

    def _take(self, line: Action) -> None:
        self.version += 1
        self.known.add(line["id"])
        if "undo" in line:
            if self.done:
                self.undone.append(self.done.pop())
        elif "redo" in line:
            if self.undone:
                self.done.append(self.undone.pop())
        else:
            self.done.append(line)
            self.undone.clear()
