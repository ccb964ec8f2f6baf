"""A transformer over time steps, each a block of tokens [action, patches], in which no step sees a later one.

The predictor of V-JEPA 2-AC (arXiv 2506.09985, section 3.1): within a step all tokens see each other, and all see the
steps before; positions are rotary, in time, row and column, of the action in time only. Three choices are ours, for a
small net on a camera that does not move. A patch comes with how it differs from the frame before, as in a tubelet:
speed need not be found by attention. Attention reaches back `window` steps: what counts is then how far two steps are
apart and never when they were, and a rollout may be longer than any clip in training. Places have learned additions.
"""

import torch
from torch import Tensor, nn

from worldmodel.losses.masking import places
from worldmodel.networks import rotary
from worldmodel.networks.encoders import Block, positions_3d

Cache = list[tuple[Tensor, Tensor]]  # keys and values of the steps before, (B, heads, tokens, size) for each layer


class CausalBlock(Block):
    """The transformer block of the encoders, with a mask, and with the keys and values of what came before."""

    def attend(
        self, tokens: Tensor, angles: Tensor, mask: Tensor | None, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Tokens (B, n, width) after the block, and the keys and values that they could see.

        Args:
            angles: of rotary positions, (n, size // 2).
            mask: (n, n), 0 where a token sees another, -inf elsewhere; None: it sees all.
            past: keys and values of earlier tokens, which all of them see.
        """
        batch, count, width = tokens.shape
        size = width // self.heads
        shaped = self.query_key_value(self.attention_norm(tokens)).view(batch, count, 3, self.heads, size)
        query, key, value = shaped.permute(2, 0, 3, 1, 4)
        query, key = rotary.turn(query, angles), rotary.turn(key, angles)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        weights = query @ key.transpose(-1, -2) * size**-0.5
        seen = (weights if mask is None else weights + mask).softmax(-1) @ value
        tokens = tokens + self.attention_out(seen.transpose(1, 2).reshape(batch, count, width))
        return tokens + self.feed(self.feed_norm(tokens)), (key, value)


class BlockCausalPredictor(nn.Module):
    """Predicts the patches of the next step from those of this and earlier steps and the actions.

    Args:
        grid: patches along a side; P is its square.
        channels: C of a patch.
        action_dim: A.
        width, depth, heads: of the transformer.
        window: steps that attention sees, the present one included.
    """

    where: Tensor

    def __init__(
        self, grid: int, channels: int, action_dim: int, width: int, depth: int, heads: int, window: int
    ) -> None:
        super().__init__()
        if width % (2 * heads):
            raise ValueError(f"dynamics.width {width} must be a multiple of twice dynamics.heads ({heads})")
        self.tokens, self.window, self.size = 1 + grid**2, window, width // heads
        where = torch.cat([torch.zeros(1, 3), places(1, grid, grid)])  # of an action there is only the time
        self.register_buffer("where", where, persistent=False)
        self.of_action = nn.Linear(action_dim, width)
        self.unknown = nn.Parameter(torch.zeros(width))  # stands for an action that is not known
        self.of_patch = nn.Linear(2 * channels, width)
        self.place = nn.Parameter(positions_3d(1, grid, grid, width))
        self.blocks = nn.ModuleList(CausalBlock(width, heads) for _ in range(depth))
        self.leave_norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, channels)
        nn.init.zeros_(self.leave.weight)  # at first nothing changes: the prediction to beat
        nn.init.zeros_(self.leave.bias)

    def layers(self) -> list[CausalBlock]:
        """The blocks, first to last."""
        return [block for block in self.blocks if isinstance(block, CausalBlock)]

    def embedded(self, before: Tensor, patches: Tensor, action: Tensor | None) -> Tensor:
        """Tokens of steps: patches before and now (..., P, C), action (..., A), None: not known -> (..., 1 + P, width).

        An action is not known where a latent begins: it holds frames, and what was done before the last is not in it.
        """
        if action is None:
            first = self.unknown.expand(*patches.shape[:-2], 1, -1)
        else:
            first = self.of_action(action)[..., None, :]
        return torch.cat([first, self.of_patch(torch.cat([patches, patches - before], dim=-1)) + self.place], dim=-2)

    def angles(self, first: int, times: int) -> Tensor:
        """Rotary angles of the tokens of `times` steps from step `first` on: (times * tokens, size // 2)."""
        time = torch.arange(first, first + times, device=self.where.device)
        steps = nn.functional.pad(time[:, None, None], (0, 2))
        return rotary.angles((self.where + steps).flatten(0, 1), self.size)

    def mask(self, times: int, device: torch.device) -> Tensor:
        """(times * tokens, times * tokens): 0 where a token sees another, -inf where it does not."""
        step = torch.arange(times, device=device).repeat_interleave(self.tokens)
        back = step[:, None] - step
        return torch.where((back >= 0) & (back < self.window), 0.0, -torch.inf)

    def forward(self, patches: Tensor, actions: Tensor) -> Tensor:
        """Teacher forcing, all steps at once.

        Args:
            patches: of frames, (B, 1 + T, P, C); the first is only there as what was before the second.
            actions: (B, n, A), of the last n <= T steps; those before are not known.

        Returns:
            The patches that come after each of these n steps, (B, n, P, C).
        """
        before, now = patches[:, :-1], patches[:, 1:]
        batch, times = now.shape[:2]
        unknown = times - actions.shape[1]
        parts = [self.embedded(before[:, unknown:], now[:, unknown:], actions)]
        if unknown:
            parts.insert(0, self.embedded(before[:, :unknown], now[:, :unknown], None))
        tokens = torch.cat(parts, dim=1).flatten(1, 2)
        angles, mask = self.angles(0, times), self.mask(times, tokens.device)
        for block in self.layers():
            tokens, _ = block.attend(tokens, angles, mask, None)
        tokens = tokens.view(batch, times, self.tokens, -1)[:, unknown:, 1:]
        return now[:, unknown:] + self.leave(self.leave_norm(tokens)).to(patches.dtype)

    def step(
        self, before: Tensor, patches: Tensor, action: Tensor | None, time: int, cache: Cache
    ) -> tuple[Tensor, Cache]:
        """One step after those in the cache: the same as `forward`, without computing them again.

        Args:
            before, patches: of the frame before and of this one, (B, P, C).
            action: (B, A); None: not known.
            time: how many steps came before.
            cache: of these; empty at first.

        Returns:
            The patches that come next (B, P, C), and the cache for the next step.
        """
        tokens = self.embedded(before, patches, action)
        angles = self.angles(time, 1)
        kept = (self.window - 1) * self.tokens
        ahead: Cache = []
        for index, block in enumerate(self.layers()):
            tokens, seen = block.attend(tokens, angles, None, cache[index] if cache else None)
            first = max(0, seen[0].shape[2] - kept)
            ahead.append((seen[0][:, :, first:], seen[1][:, :, first:]))
        return patches + self.leave(self.leave_norm(tokens[:, 1:])).to(patches.dtype), ahead
