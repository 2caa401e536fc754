"""The protocol's own rules, where pygls leaves them to others: when what may be asked, and that every question has an answer."""

from __future__ import annotations

from typing import Any

from lsprotocol import types as t
from pygls.exceptions import JsonRpcException, JsonRpcInvalidRequest, JsonRpcServerNotInitialized
from pygls.protocol import LanguageServerProtocol

from .turns import Turns


class Refused(JsonRpcException):  # type: ignore[misc]
    """What was asked is well understood, and cannot be."""

    CODE = -32803


class Protocol(LanguageServerProtocol):  # type: ignore[misc]
    """What is asked before `initialize`, after `shutdown`, or not as the protocol has it, is refused by an answer. `turns` knows
    what is being answered."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.turns = Turns()

    def structure_message(self, data: Any) -> Any:
        try:
            return super().structure_message(data)
        except JsonRpcException as e:
            if "id" in data and "method" in data:
                self._send_response(data["id"], None, e.to_response_error())
            raise

    def handle_message(self, message: Any) -> None:
        method, id_ = getattr(message, "method", None), getattr(message, "id", None)
        begun = self._workspace is not None
        if method is None or method == t.EXIT or (begun and not self._shutdown and method != t.INITIALIZE) or (
                not begun and method == t.INITIALIZE):
            if id_ is not None and method is not None:
                self.turns.begins(id_)
            super().handle_message(message)
        elif id_ is not None:
            refused = JsonRpcInvalidRequest() if begun else JsonRpcServerNotInitialized()
            self._send_response(id_, None, refused.to_response_error())

    def _send_response(self, msg_id: Any, result: Any = None, error: Any = None) -> None:
        super()._send_response(msg_id, result, error)
        self.turns.ends(msg_id)
