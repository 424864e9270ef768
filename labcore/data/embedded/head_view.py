"""A pinhole camera's view of a person: ellipsoids and one star-shaped head with a depth buffer.

Camera frame: x right, y up, z towards the viewer (so what is seen has negative z); lengths are centimetres.
"""

import numpy as np

from labcore.data.embedded.head_people import Person, cell

MARCH = 9
"""Steps of the ray towards the head's surface; each leaves about a third of the distance."""


def turn(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation [3, 3] from the head's frame to the camera's; degrees.

    Yaw turns the face to the picture's right, pitch lifts it, roll tips the head's top to the picture's left.
    """
    y, p, r = np.deg2rad([yaw, -pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


class View:
    """A picture in the making over a background, with a depth per sub-pixel."""

    def __init__(
        self, background: np.ndarray, focal: float, light: np.ndarray, tone: tuple[np.ndarray, np.ndarray]
    ) -> None:
        self.colour = background.astype(np.float32)
        self.height, self.width = background.shape[:2]
        self.depth = np.full((self.height, self.width), np.inf, np.float32)
        self.focal, self.light = focal, light.astype(np.float32)
        self.ambient, self.lamp = tone

    def project(self, point: np.ndarray) -> np.ndarray:
        """Picture positions (column, row) in sub-pixels of points [..., 3]."""
        depth = -point[..., 2:]
        return np.concatenate(
            [
                self.width / 2 + self.focal * point[..., :1] / depth,
                self.height / 2 - self.focal * point[..., 1:2] / depth,
            ],
            -1,
        )

    def _window(self, centre: np.ndarray, reach: float) -> tuple[slice, slice] | None:
        """Rows and columns that a sphere can touch."""
        column, row = self.project(centre)
        spread = self.focal * reach / max(-centre[2] - reach * 0.6, 5.0) + 2
        top, bottom = int(max(row - spread, 0)), int(min(row + spread, self.height))
        left, right = int(max(column - spread, 0)), int(min(column + spread, self.width))
        return (slice(top, bottom), slice(left, right)) if top < bottom and left < right else None

    def _rays(self, window: tuple[slice, slice], frame: np.ndarray) -> np.ndarray:
        """Unit ray directions of a window in a turned frame, float32 [3, N]."""
        rows, columns = (np.arange(part.start, part.stop, dtype=np.float32) + 0.5 for part in window)
        x = np.broadcast_to((columns - self.width / 2) / self.focal, (len(rows), len(columns))).ravel()
        y = np.broadcast_to(((self.height / 2 - rows) / self.focal)[:, None], (len(rows), len(columns))).ravel()
        ray = np.stack([x, y, np.full_like(x, -1)])
        ray /= np.sqrt((ray * ray).sum(0))
        return frame.T.astype(np.float32) @ ray

    def _enter(self, ray: np.ndarray, origin: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where rays enter an ellipsoid around zero: distance, and whether they do."""
        scale = (1 / np.asarray(radii, np.float32))[:, None]
        d, o = ray * scale, (origin[:, None] * scale).astype(np.float32)
        a, b, c = (d * d).sum(0), (d * o).sum(0), float((o * o).sum()) - 1
        inside = b * b - a * c
        return (-b - np.sqrt(np.maximum(inside, 0))) / a, inside > 0

    def shade(self, albedo: np.ndarray, normal: np.ndarray, gloss: float = 0.0) -> np.ndarray:
        """Albedo [N, 3] under ambient light and one lamp; normals [3, N] in the camera's frame."""
        toward = self.light @ normal
        lamp = np.clip(0.25 + 0.75 * toward, 0, 1)[:, None]
        above = (0.86 + 0.14 * normal[1])[:, None]
        shown = albedo * (self.ambient * above + self.lamp * lamp)
        if gloss:
            half = self.light + np.array([0, 0, 1], np.float32)
            shown += gloss * np.clip(half @ normal / np.linalg.norm(half), 0, 1)[:, None] ** 24
        return shown

    def _put(self, window: tuple[slice, slice], hit: np.ndarray, distance: np.ndarray, shown: np.ndarray) -> None:
        """Write hit sub-pixels that are nearer than what is there."""
        shape = self.depth[window].shape
        flat = np.full(hit.shape, np.inf, np.float32)
        flat[hit] = distance
        nearer = flat.reshape(shape) < self.depth[window]
        self.depth[window][nearer] = flat.reshape(shape)[nearer]
        self.colour[window][nearer] = shown[nearer.ravel()[hit]]

    def ellipsoid(self, centre: np.ndarray, radii: np.ndarray, frame: np.ndarray, colour, gloss: float = 0.0) -> None:
        """Draw an ellipsoid; ``colour`` is RGB, or a function of local points [3, N] that gives [N, 3]."""
        window = self._window(centre, float(np.max(radii)))
        if window is None:
            return
        ray, origin = self._rays(window, frame), -(frame.T @ centre)
        distance, hit = self._enter(ray, origin, radii)
        if not hit.any():
            return
        distance, ray = distance[hit], ray[:, hit]
        point = (origin[:, None] + ray * distance).astype(np.float32)
        normal = point / (np.asarray(radii, np.float32) ** 2)[:, None]
        normal = frame.astype(np.float32) @ (normal / np.sqrt((normal * normal).sum(0)))
        albedo = (
            colour(point) if callable(colour) else np.broadcast_to(np.asarray(colour, np.float32), (len(distance), 3))
        )
        self._put(window, hit, distance, self.shade(albedo, normal, gloss))

    def head(self, centre: np.ndarray, frame: np.ndarray, person: Person) -> None:
        """Draw a star-shaped head: rays start at its bounding ellipsoid and walk to the relief."""
        window = self._window(centre, float(person.bound.max()))
        if window is None:
            return
        ray, origin = self._rays(window, frame), -(frame.T @ centre).astype(np.float32)
        distance, hit = self._enter(ray, origin, person.bound)
        ray, distance = ray[:, hit], distance[hit]
        for _ in range(MARCH):
            x, y, z = origin[:, None] + ray * distance
            q = np.sqrt(x * x + y * y + z * z)
            rows, columns = cell(x, y, z, q)
            gap = q - person.radius[rows, columns]
            distance = distance + 0.72 * gap
        met = gap < 0.3
        hit[hit] = met
        rows, columns = rows[met], columns[met]
        normal = frame.astype(np.float32) @ person.normal[rows, columns].T
        self._put(window, hit, distance[met], self.shade(person.colour[rows, columns], normal, gloss=9.0))

    def wire(self, points: np.ndarray, colour: tuple[float, float, float], slack: float = 0.9) -> None:
        """Draw points [N, 3] two sub-pixels wide where nothing stands before them."""
        place = np.floor(self.project(points)).astype(np.int32)
        far = np.linalg.norm(points, axis=1)
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            column, row = place[:, 0] + dx, place[:, 1] + dy
            inside = (column >= 0) & (column < self.width) & (row >= 0) & (row < self.height)
            column, row = column[inside], row[inside]
            seen = far[inside] < self.depth[row, column] + slack
            self.colour[row[seen], column[seen]] = colour
