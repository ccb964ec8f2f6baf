"""Whether a model file of a stranger can be used: it is read, compiled and stepped in a process of its own.

A few lines of MJCF can ask for any number of bodies, pixels or simulation steps, and MuJoCo makes them before anybody
is asked. So it does so first in a process whose time and memory are bounded, and which is this file, run as a script.
"""

import io
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path, PurePosixPath

import mujoco
import numpy as np

_SECONDS, _BYTES = 3, 2 * 2**30  # of the process
_TIMESTEPS = (5e-4, 0.1)  # s
_MOST = {"nbody": 1000, "ngeom": 5000, "nv": 300, "nu": 100, "nkey": 1000, "ncam": 100, "narena": 2**29}
_MOST |= {"nhfielddata": 10**6, "ntexdata": 10**8, "nmeshvert": 10**6, "nplugin": 0}
LARGEST_ARCHIVE, _FILES = 64 * 2**20, 1000  # bytes and files of a model's archive
_SLOWEST = 5e-3  # s of a simulation step
_REFUSED = 3  # exit code: the reason was printed


def refusal(model: Path | bytes) -> str | None:
    """Why the model in a file, or in an archive, cannot be used, in a few words; None: it can."""
    try:
        with tempfile.TemporaryDirectory() as folder:  # MuJoCo keeps a log where it runs
            if isinstance(model, bytes):
                content, model = model, Path(folder) / "robot.zip"
                model.write_bytes(content)
            command = [sys.executable, "-I", __file__, str(model.resolve())]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=20 * _SECONDS)
    except subprocess.TimeoutExpired:
        return f"it is not read in {20 * _SECONDS} s"
    if done.returncode == 0:
        return None
    if done.returncode == _REFUSED:
        return done.stdout.strip()
    return f"reading it takes more than {_SECONDS} s or {_BYTES / 2**30:g} GiB"


def unpacked(archive: bytes) -> mujoco.MjSpec:
    """The model in an archive, whose first file is the main one; nothing is written to the disk.

    Raises ValueError: it is damaged or too large, or MuJoCo does not accept the model.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as file:
            parts = file.infolist()
            plain = all(part.compress_type == zipfile.ZIP_STORED for part in parts)  # none grows when it is read
            if not plain or not 1 <= len(parts) <= _FILES or sum(part.file_size for part in parts) > len(archive):
                raise ValueError("its archive is not one of Housecat's")
            names = [PurePosixPath(part.filename) for part in parts]
            found = {os.path.relpath(name, names[0].parent): file.read(str(name)) for name in names}
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise ValueError(f"its archive is damaged ({error})") from error
    main = found.pop(names[0].name)
    return mujoco.MjSpec.from_string(main.decode(), found, found)


def _reason(model: mujoco.MjModel) -> str | None:
    """What is out of bounds in a compiled model."""
    step = model.opt.timestep
    if not _TIMESTEPS[0] <= step <= _TIMESTEPS[1]:
        return f"its timestep is {step:g} s, expected {_TIMESTEPS[0]:g} to {_TIMESTEPS[1]:g}"
    for name, most in _MOST.items():
        if getattr(model, name) > most:
            return f"it has {name} {getattr(model, name)}, expected {most} at most"
    for name in ("key_qpos", "key_qvel", "key_act", "qpos0", "body_pos", "body_mass", "actuator_ctrlrange"):
        if not np.isfinite(getattr(model, name)).all():
            return f"its {name} is not all of finite numbers"
    data = mujoco.MjData(model)
    began = time.process_time()
    mujoco.mj_step(model, data, 10)
    took = (time.process_time() - began) / 10
    return f"a step of its simulation takes {1000 * took:.0f} ms, too long to plan in" if took > _SLOWEST else None


def _main(path: str) -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        packed = path.endswith(".zip")
        document = unpacked(Path(path).read_bytes()) if packed else mujoco.MjSpec.from_file(path)
        reason = _reason(document.compile())
    except ValueError as error:
        reason = "MuJoCo does not accept it: " + " ".join(str(error).split())[:300]
    except MemoryError:
        return 1
    print(reason or "")
    return _REFUSED if reason else 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
