"""A recording that is killed again and again."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import envs
from envs.data.collect import collect
from envs.data.store import EpisodeStore

EPISODES = 400
# The parent never renders, so that a forked child can: it is ready at once, where a new process would take seconds.
SCRIPT = """
import json, os, signal, sys, time
from pathlib import Path
import numpy as np
from envs.data.collect import collect

spec, out, episodes = json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(0)

def there():
    return len(list((out / "episodes").glob("0*.h5")))

grown = []
for kill in range(20):
    before = there()
    child = os.fork()
    if child == 0:
        collect(spec, out, episodes, 8, 0, workers=1, progress=False)
        os._exit(0)
    if kill % 4:  # once something new is there, somewhere in the next episodes; else while it starts
        deadline = time.monotonic() + 60
        while there() == before and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(rng.uniform(0.0, 0.03))
    else:
        time.sleep(rng.uniform(0.0, 0.3))
    os.kill(child, signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL, "it was through before it was killed"
    grown.append(there() - before)
print(json.dumps(grown))
"""


def test_twenty_kills_at_random_moments_leave_what_an_undisturbed_recording_leaves(
    spec: dict[str, Any], tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(spec), str(tmp_path / "killed"), str(EPISODES)],
        env={**os.environ, "PYTHONPATH": str(Path(envs.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    grown = json.loads(done.stdout)
    assert min(grown) >= 0
    assert sum(episodes > 0 for episodes in grown) >= 15
    stores = [
        collect(spec, tmp_path / name, EPISODES, 8, 0, workers=1, progress=False) for name in ("killed", "undisturbed")
    ]
    assert [store.check() for store in stores] == [[], []]
    assert stores[0].manifest["files"] == stores[1].manifest["files"]
    assert not list((tmp_path / "killed" / "episodes").glob(".*"))
    assert EpisodeStore.open(tmp_path / "killed").manifest["complete"]
