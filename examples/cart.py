"""A cart on two wheels, seen from above and drawn in numpy: an environment that no simulator of Housecat's knows."""

import gymnasium
import numpy as np


class Cart(gymnasium.Env):
    """Its actions are the speeds of its wheels, rad/s; a goal is reached where it stands within 12 cm of it."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}  # noqa: RUF012
    action_space = gymnasium.spaces.Box(-10.0, 10.0, (2,), np.float32)
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float64)
    render_mode = "rgb_array"

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.pose = self.np_random.uniform([-0.8, -0.8, -np.pi], [0.8, 0.8, np.pi])  # x, y in m, heading
        return self.pose.copy(), {"state": self.pose.copy()}

    def step(self, action):
        left, right = 0.05 * np.asarray(action)  # m/s, at wheels of 5 cm
        x, y, heading = self.pose
        heading, way = heading + 0.2 * (right - left) / 0.3, 0.2 * (left + right) / 2
        self.pose = np.array([*np.clip([x + way * np.cos(heading), y + way * np.sin(heading)], -0.9, 0.9), heading])
        return self.pose.copy(), 0.0, False, False, {"state": self.pose.copy()}

    def render(self):
        rows, columns = np.mgrid[-1:1:96j, -1:1:96j]
        x, y, heading = self.pose
        along = (columns - x) * np.cos(heading) + (rows - y) * np.sin(heading)
        across = (rows - y) * np.cos(heading) - (columns - x) * np.sin(heading)
        picture = np.full((96, 96, 3), (225, 222, 214), np.uint8)
        picture[(abs(along) < 0.18) & (abs(across) < 0.12)] = 40, 70, 150
        picture[(abs(along - 0.12) < 0.06) & (abs(across) < 0.12)] = 220, 60, 40
        return picture

    def success(self, info, goal):
        return np.hypot(*(info["state"] - goal["state"])[:2]) < 0.12
