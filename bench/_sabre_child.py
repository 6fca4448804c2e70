"""Runs Sabre's own program, again and again: `python -m bench._sabre_child PATH/sabre.py`.

A line of JSON, the arguments of a session, is answered by one: its totals, unrounded, and the
processor seconds it took. Each session runs in globals of its own, as the program expects.
"""

import contextlib
import io
import json
import sys
import time
from pathlib import Path


def main(path: Path) -> None:
    """Until standard input ends."""
    code = compile(path.read_bytes(), str(path), "exec")
    for line in sys.stdin:
        sys.argv = [str(path), *json.loads(line)]
        scope = {"__name__": "__main__"}
        began = time.process_time()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(code, scope)
        except Exception as error:  # noqa: BLE001  (whatever a program of others may raise)
            print(json.dumps({"failed": repr(error)}), flush=True)
            continue
        print(json.dumps(_totals(scope) | {"cpu_s": time.process_time() - began}), flush=True)


def _totals(scope: dict[str, object]) -> dict[str, object]:
    names = ("rebuffer_time", "total_play_time", "rebuffer_event_count", "played_bitrate",
             "total_bitrate_change", "to_time_average")  # fmt: skip
    return {name: scope[name] for name in names}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
