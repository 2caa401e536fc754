"""What Numba compiles for a GPU, kept as entries of the cache folder like all other machine code.

Numba would keep it in files of its own, where NUMBA_CACHE_DIR or a `.numba_config.yaml` of the current folder says, and
would unpickle whatever lies there. A compiled kernel is one of Numba's objects and has no form but a pickle; here it is
read only after the seal of the folder's owner was found on it (cache_folder.py).
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..cache_folder import prune_once, read_entry, write_entry


class Kept:
    """Takes the place of the file of a dispatcher's cache: a sealed entry for each signature and kind of GPU."""

    def __init__(self, beside: Path, dump: Callable[[Any], bytes]):
        self.beside = beside  # the text of the kernel, whose name is its digest
        self.dump = dump  # Numba's own

    def _entry(self, key: object) -> Path:
        versions = [getattr(sys.modules.get(m), "__version__", "") for m in ("numba", "numba_cuda")]
        return self.beside.with_suffix(f".{hashlib.sha256(repr((versions, key)).encode()).hexdigest()[:16]}.kernel")

    def load(self, key: object) -> Any:
        data = read_entry(self._entry(key))
        return None if data is None else pickle.loads(zlib.decompress(data))

    def save(self, key: object, data: Any) -> None:
        write_entry(self._entry(key), zlib.compress(self.dump(data)))  # 0.7 MB would leave room for a few networks
        prune_once()

    def flush(self) -> None:
        """Numba asks for it where the function has changed; the digest is another then."""
