"""The guide's examples are run, in their order; the reference is what the docstrings say."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import World, final, run_command, text, write_application

import toolfront

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_guide_s_examples_run(
    world: World, model: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model(
        text("Hello."),
        final([{"name": "Ann", "orders": 3}]),
        final({"customer": "Ann", "amount": 12.5, "reason": "broken"}),
        run_command("echo", "hello"),
        text("Hello."),
        final(42),
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOOLFRONT_TOKEN", world.token)
    write_application(tmp_path / "my-app")
    module = ModuleType("guide")
    monkeypatch.setitem(sys.modules, "guide", module)
    names = vars(module)
    names.update(TOKEN=world.token, ADMIN=world.admin)
    guide = ROOT / "docs" / "python.md"
    source = guide.read_text()
    blocks = list(BLOCK.finditer(source))
    assert len(blocks) >= 10
    for block in blocks:
        code = block[1].replace("https://gw.example.com/e/shop", world.app_url)
        code = code.replace("https://gw.example.com", world.url)
        line = source[: block.start(1)].count("\n")
        exec(compile("\n" * line + code, str(guide), "exec"), names)


def test_the_guide_names_every_exception() -> None:
    guide = (ROOT / "docs" / "python.md").read_text()
    for name in toolfront.__all__:
        value = getattr(toolfront, name)
        if isinstance(value, type) and issubclass(value, BaseException):
            assert f"`{name}`" in guide, name


def test_the_reference_is_what_the_docstrings_say() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "python-reference")], capture_output=True, text=True, check=True
    )
    reference = (ROOT / "docs" / "python-reference.md").read_text()
    assert done.stdout == reference, "scripts/python-reference > docs/python-reference.md"


def test_every_public_name_is_documented() -> None:
    for name in toolfront.__all__:
        if name != "__version__":
            assert getattr(toolfront, name).__doc__, name
