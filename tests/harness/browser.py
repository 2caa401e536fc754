"""A real browser without a window, driven by its DevTools protocol: pages are opened, clicked, typed into, looked at."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

PATIENCE = 60  # seconds


def chromium() -> str | None:
    """The program: what NETSPEC_CHROMIUM names, or the system's."""
    named = os.environ.get("NETSPEC_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Browser:
    """One tab of a browser of its own, with a profile of its own in `folder`."""

    def __init__(self, program: str, folder: Path) -> None:
        import websocket

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run",
             "--remote-allow-origins=*", "--disable-dev-shm-usage", "--force-color-profile=srgb", f"--user-data-dir={folder}",
             "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = self._port(folder / "DevToolsActivePort")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE) as answer:
            tab = next(t for t in json.load(answer) if t["type"] == "page")
        self.socket = websocket.create_connection(tab["webSocketDebuggerUrl"], timeout=PATIENCE)
        self.number = 0
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def _port(self, file: Path) -> str:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            if file.is_file() and (text := file.read_text()):
                return text.splitlines()[0]
            time.sleep(0.05)
        raise AssertionError("the browser did not start")

    def close(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(PATIENCE)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            got: dict[str, Any] = json.loads(self.socket.recv())
            if got.get("id") == self.number:
                assert "error" not in got, got
                return dict(got["result"])
            self.events.append(got)

    def open(self, path: Path, width: int = 1280, height: int = 800, dark: bool = False) -> None:
        """Go to a file, and wait until it is loaded."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.ask("Page.navigate", url="about:blank")
        self.events.clear()
        self.ask("Page.navigate", url=path.as_uri())
        end = time.monotonic() + PATIENCE
        while self.run("document.readyState + document.URL") != f"complete{path.as_uri()}":
            assert time.monotonic() < end, "the page does not load"
            time.sleep(0.02)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        got = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in got, got["exceptionDetails"]
        return got["result"].get("value")

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, and what was asked of the network apart from the page itself."""
        self.run("1")  # what happened before has been told by now
        found = []
        for e in self.events:
            what, said = e.get("method"), e.get("params", {})
            if what == "Runtime.exceptionThrown":
                found.append(str(said["exceptionDetails"]))
            elif what == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
                found.append(str(said["args"]))
            elif what == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
                found.append(str(said["entry"]))
            elif what == "Network.requestWillBeSent" and not said["request"]["url"].startswith(("data:", "about:")):
                found.append("asks for " + said["request"]["url"])
        pages = [c for c in found if c.startswith("asks for file:")]
        return [c for c in found if c not in pages[:1]]

    def click(self, selector: str, x: float = 0.5, y: float = 0.5) -> None:
        """Click an element with the mouse, at a part of its width and height."""
        box = self.run(f"(() => {{ const r = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
                       f" return [r.left + r.width * {x}, r.top + r.height * {y}]; }})()")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def press(self, key: str, text: str = "") -> None:
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
                 "ArrowDown": 40}
        more = {"windowsVirtualKeyCode": codes[key]} if key in codes else {"text": text or key}
        if key == "Enter":
            more["text"] = "\r"
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, **more)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key)

    def type(self, text: str) -> None:
        self.ask("Input.insertText", text=text)

    def picture(self) -> bytes:
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])
