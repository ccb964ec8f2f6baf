"""What can be read from features: linear and attentive probes, judged by R2 with an interval.

Linear: ridge regression whose penalty is chosen for each target by leave-one-out error in closed form (PRESS).
Attentive: learned queries look at the features of all places, as V-JEPA's probes do (arXiv 2404.08471); on a single
vector this is a small perceptron.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

PENALTIES = tuple(10.0**power for power in range(-6, 4))  # of standardised features, for each row
QUERY = 64  # channels of the attentive probe
HEADS = 4


@dataclass(frozen=True)
class Linear:
    """A linear map that was fitted to rows (K, D) and targets (K, n)."""

    center: Tensor  # (D,)
    weights: Tensor  # (D, n)
    offset: Tensor  # (n,)

    def __call__(self, rows: Tensor) -> Tensor:
        """(..., D) -> (..., n)."""
        return (rows - self.center) @ self.weights + self.offset


def fit_linear(rows: Tensor, targets: Tensor, penalties: tuple[float, ...] = PENALTIES) -> Linear:
    """Ridge regression of targets (K, n) on rows (K, D); of the penalties, each target gets the one that suits it.

    Leave-one-out errors follow from one decomposition: the error of a row divided by one minus its leverage.
    """
    count = len(rows)
    center, offset = rows.mean(dim=0), targets.mean(dim=0)
    spread = rows.std(dim=0)
    scale = spread.clamp(min=max(1e-4 * float(spread.max()), 1e-12))
    x, y = ((rows - center) / scale).double(), (targets - offset).double()
    tall = x.shape[1] <= count
    values, vectors = torch.linalg.eigh(x.T @ x if tall else x @ x.T)
    kept = values > 1e-10 * values[-1].clamp(min=1e-12)
    values, vectors = values[kept], vectors[:, kept]
    left = x @ vectors / values.sqrt() if tall else vectors  # (K, r), orthonormal
    inside = left.T @ y
    errors, solutions = [], []
    for penalty in penalties:
        shrunk = values / (values + penalty * count)
        leverage = left.pow(2) @ shrunk + 1 / count
        residual = (y - left @ (shrunk[:, None] * inside)) / (1 - leverage).clamp(min=1e-12)[:, None]
        errors.append(residual.pow(2).mean(dim=0))
        solutions.append(shrunk[:, None] * inside / values.sqrt()[:, None])
    best = torch.stack(errors).argmin(dim=0)
    each = torch.arange(len(best), device=best.device)
    chosen = torch.stack(solutions)[best, :, each].T  # (r, n), in the basis of right vectors
    right = vectors if tall else x.T @ (vectors / values.sqrt())
    return Linear(center, ((right @ chosen) / scale[:, None]).float(), offset)


class Attentive(nn.Module):
    """Reads n numbers from the features of P places: a query for each looks where to read, a perceptron interprets."""

    center: Tensor
    scale: Tensor
    target_center: Tensor
    target_scale: Tensor

    def __init__(self, tokens: Tensor, targets: Tensor, generator: torch.Generator) -> None:
        super().__init__()
        places, width, outputs = tokens.shape[1], tokens.shape[2], targets.shape[1]
        # Around the mean of each place: what never changes there would drown what moves through.
        spread = (tokens - tokens.mean(dim=0)).pow(2).mean(dim=(0, 1)).sqrt()
        self.register_buffer("center", tokens.mean(dim=0))
        self.register_buffer("scale", spread.clamp(min=max(1e-4 * float(spread.max()), 1e-12)))
        self.register_buffer("target_center", targets.mean(dim=0))
        self.register_buffer("target_scale", targets.std(dim=0).clamp(min=1e-6))

        def drawn(*shape: int, size: float) -> nn.Parameter:
            return nn.Parameter(size * torch.randn(*shape, generator=generator))

        # Nearly orthogonal from the start, so that a linear readout of what is looked at can say where it is.
        self.places = drawn(places, QUERY, size=1.0)
        self.place_keys = nn.Parameter(torch.zeros(places, QUERY))
        self.queries = drawn(outputs, QUERY, size=1.0)
        self.keys, self.values = (drawn(width, QUERY, size=width**-0.5) for _ in range(2))
        self.hidden = drawn(QUERY, 2 * QUERY, size=QUERY**-0.5)
        self.back = drawn(2 * QUERY, QUERY, size=QUERY**-0.5)
        self.readout = drawn(outputs, QUERY, size=QUERY**-0.5)
        self.offset = nn.Parameter(torch.zeros(outputs))
        self.to(tokens.device)

    def standard(self, tokens: Tensor) -> Tensor:
        """(B, P, width) -> standardised targets (B, n)."""
        tokens = (tokens - self.center) / self.scale
        query = self.queries.view(-1, HEADS, QUERY // HEADS)
        key = (tokens @ self.keys + self.place_keys).unflatten(-1, (HEADS, -1))
        value = (tokens @ self.values + self.places).unflatten(-1, (HEADS, -1))
        weights = torch.einsum("nhd,bphd->bhnp", query, key).mul((QUERY // HEADS) ** -0.5).softmax(-1)
        read = torch.einsum("bhnp,bphd->bnhd", weights, value).flatten(-2)
        read = read + nn.functional.gelu(read @ self.hidden) @ self.back
        return (read * self.readout).sum(dim=-1) + self.offset

    @torch.no_grad()
    def forward(self, tokens: Tensor) -> Tensor:
        """(K, P, width) -> (K, n)."""
        return torch.cat([self.standard(part) * self.target_scale + self.target_center for part in tokens.split(512)])


def fit_attentive(tokens: Tensor, targets: Tensor, generator: torch.Generator, updates: int) -> Attentive:
    """Fits an attentive probe to tokens (K, P, width) and targets (K, n); a sixth of the rows says when to stop."""
    probe = Attentive(tokens, targets, generator)
    wanted = (targets - probe.target_center) / probe.target_scale
    order = torch.randperm(len(tokens), generator=generator).to(tokens.device)
    aside, used = order[: len(order) // 6], order[len(order) // 6 :]
    optimizer = torch.optim.AdamW(probe.parameters(), lr=1e-2, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=updates, pct_start=0.1)
    best, kept = float("inf"), copy.deepcopy(probe.state_dict())
    for step in range(1, updates + 1):
        rows = used[torch.randint(len(used), (min(128, len(used)),), generator=generator).to(used.device)]
        loss = (probe.standard(tokens[rows]) - wanted[rows]).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 25 == 0 or step == updates:
            with torch.no_grad():
                error = float((probe.standard(tokens[aside]) - wanted[aside]).pow(2).mean())
            if error < best:
                best, kept = error, copy.deepcopy(probe.state_dict())
    probe.load_state_dict(kept)
    return probe.eval().requires_grad_(False)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval over recordings."""

    value: float
    low: float
    high: float


def explained(predicted: Tensor, targets: Tensor) -> Tensor:
    """R2 (n,) of predictions of targets, both (K, n); nan, nothing can be said, where a target does not vary."""
    total = (targets - targets.mean(dim=0)).pow(2).sum(dim=0)
    return torch.where(total > 1e-9, 1 - (targets - predicted).pow(2).sum(dim=0) / total, torch.nan)


def r2(
    predicted: Tensor, targets: Tensor, recording: Tensor, generator: torch.Generator, draws: int = 400
) -> Estimate | None:
    """Mean R2 over the targets (K, n) that vary, with a bootstrap interval over the recordings (K,) of the rows.

    None: no target varies.
    """
    spread = (targets - targets.mean(dim=0)).pow(2)
    varies = spread.sum(dim=0) > 1e-9 * len(targets)
    if not varies.any():
        return None
    left, total = (per_recording(part[:, varies], recording) for part in ((predicted - targets).pow(2), spread))
    return ratio(left, total, generator, draws, one_minus=True)


def per_recording(rows: Tensor, recording: Tensor) -> Tensor:
    """Sums of rows (K, n) over the rows of each recording (K,) -> (E, n)."""
    _, index = recording.unique(return_inverse=True)
    sums = rows.new_zeros(int(index.max()) + 1, rows.shape[1], dtype=torch.float64)
    return sums.index_add_(0, index, rows.double())


def ratio(
    above: Tensor, below: Tensor, generator: torch.Generator, draws: int = 400, one_minus: bool = False
) -> Estimate:
    """Mean over the columns of sum(above) / sum(below), both (E, n), with a bootstrap interval over the rows.

    `one_minus`: of one minus that, as R2 is.
    """

    def of(up: Tensor, down: Tensor) -> Tensor:
        share = (up.double() / down.double().clamp(min=1e-12)).mean(dim=-1)
        return 1 - share if one_minus else share

    drawn = torch.randint(len(above), (draws, len(above)), generator=generator).to(above.device)
    found = of(above[drawn].sum(dim=1), below[drawn].sum(dim=1))
    low, high = found.quantile(found.new_tensor([0.025, 0.975]))
    return Estimate(float(of(above.sum(dim=0), below.sum(dim=0))), float(low), float(high))
