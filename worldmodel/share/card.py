"""The model card of a checkpoint: README.md with the front matter that the Hugging Face Hub reads."""

import json
from typing import Any

LICENSE = "apache-2.0"
_MEANING = {
    "rank": "effective rank of the latents",
    "std_mean": "mean standard deviation of a latent dimension",
    "std_min": "smallest of them",
    "open_loop_ratio": "squared open-loop error after the horizon over that of copying",
}


def model_card(config: dict[str, Any]) -> str:
    """The card of a checkpoint.

    `config`: what `config.json` holds: method, settings, critic, and what the trainer noted as `about`. Of the notes
    `world` (with "name", "family", "frame_size"), `recordings`, `updates`, `seed` and `measured` are used where they
    are.
    """
    about = config.get("about", {})
    world = about.get("world")
    name = str(world["name"] if isinstance(world, dict) else world or "unknown")
    matter = {
        "library_name": "housecat",
        "license": LICENSE,
        "pipeline_tag": "robotics",
        "tags": ["world-model", "jepa", "mujoco", f"method:{config['method']}", f"world:{name}"],
    }
    # JSON is YAML, and quotes whatever a name may hold.
    front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in matter.items())
    parts = [
        f"---\n{front}\n---\n\n# {config['method']} in world {name}",
        _what(config),
        _trained_on(about, world, name),
        _figures(about.get("measured", {})),
        _use(config),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _what(config: dict[str, Any]) -> str:
    if config.get("critic") is None:
        return "An encoder of camera frames, trained without labels. It imagines nothing."
    return (
        "A world model of camera frames and actions that predicts in latent space, with a learned temporal distance "
        "and, where `landmarks.safetensors` is there, a graph of landmarks for planning. Trained without rewards or "
        "labels."
    )


def _trained_on(about: dict[str, Any], world: Any, name: str) -> str:
    lines = [f"- world: `{name}`"]
    if isinstance(world, dict):
        lines[0] += f" ({world.get('family', 'unknown')}), frames of {world.get('frame_size', '?')} pixels"
    for key, text in (
        ("recordings", "recordings, those held out included"),
        ("data", "seed of the recordings"),
        ("renderer", "renderer of the frames"),
        ("updates", "training updates"),
        ("seed", "seed of the training"),
    ):
        if about.get(key) is not None:
            lines.append(f"- {text}: {about[key]}")
    return "## Trained on\n\n" + "\n".join(lines)


def _figures(measured: dict[str, float | None]) -> str:
    rows = [
        f"| {_meaning(key)} | {value:.3g} |"
        for key, value in measured.items()
        if value is not None and (key in _MEANING or key.startswith("probe_"))
    ]
    if not rows:
        return ""
    head = "| measured on recordings held out, at the last update | value |\n| --- | --- |\n"
    return (
        "## Figures\n\n" + head + "\n".join(rows) + "\n\nOne training run, one seed. `housecat probe` says more, with "
        "intervals."
    )


def _meaning(key: str) -> str:
    if key.startswith("probe_"):
        return f"R2 of a linear probe of {key.removeprefix('probe_').replace('_', ' ')}"
    return _MEANING[key]


def _use(config: dict[str, Any]) -> str:
    acts = config.get("critic") is not None
    lines = [
        "from worldmodel.share.hub import from_pretrained",
        "",
        'loaded = from_pretrained("FOLDER or OWNER/NAME")',
        "z = loaded.model.latents(frames)  # uint8 (B, T, h, w, 3) -> (B, T - context + 1, D)",
        *(["later = loaded.model.imagine(z[:, -1], actions)  # (B, H, A) in [-1, 1] -> (B, H, D)"] if acts else []),
    ]
    code = "\n".join(lines)
    note = "`config.json` holds all settings; weights are safetensors, nothing is pickled."
    return f"## Use\n\n```python\n{code}\n```\n\n{note}"
