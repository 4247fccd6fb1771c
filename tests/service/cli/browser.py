"""A headless Chromium spoken to over a pair of pipes: what a page shows, logs and asks for."""

import json
import os
import select
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


_PATIENCE = 60  # seconds for the next word of the browser


class Browser:
    """One page in a browser of its own; use as a context manager."""

    def __init__(self, profile: Path) -> None:
        assert PROGRAM is not None
        self._number = 0
        self.events: list[dict[str, Any]] = []
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()

        # The browser reads from 3 and writes to 4. First out of the way of both, then there.
        start = "import fcntl, os, sys; far = [fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3]]; "
        start += "os.dup2(far[0], 3); os.dup2(far[1], 4); os.execv(sys.argv[3], sys.argv[3:])"
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-c", start, str(theirs_in), str(theirs_out), PROGRAM, *options],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._rest = b""
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self._call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def open(self, url: str, *, width: int) -> None:
        """Show a page at a width, and wait until it has loaded."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", size)
        self.events.clear()
        self.call("Page.navigate", {"url": url})
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        found = self.call("Runtime.evaluate", {"expression": script, "returnByValue": True})
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def call(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """One command of the DevTools protocol to the page."""
        return self._call(method, parameters, session=self._session)

    def _call(self, method: str, parameters: dict[str, Any] | None = None, session: str = "") -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._in], [], [], _PATIENCE)[0], f"the browser says nothing for {_PATIENCE} s"
            block = os.read(self._in, 65536)
            assert block, "the browser has ended"
            self._rest += block
        text, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(text))
