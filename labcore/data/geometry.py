"""Where each pixel goes: one homography per sample, applied alike to pictures, masks and points.

Conventions, the same everywhere in the lab:

- Points are (x, y) in pixels, a pixel's centre lies at +0.5, so a picture spans [0, W] x [0, H]. That is
  ``align_corners=False`` in PyTorch's words.
- Matrices act on normalised coordinates, in which a picture spans [-1, 1] in both directions whatever its size, and
  go backwards, from the output to the place in the input that is seen there, which is what resampling needs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from labcore.data import draws
from labcore.data.draws import HORIZON

Size2 = tuple[int, int]

DIHEDRAL = torch.from_numpy(draws.DIHEDRAL)
STRAIGHT = torch.from_numpy(draws.STRAIGHT)


def homographies(
    setting: Tensor, degrees: Tensor, zoom: Tensor, centre: Tensor, warp: Tensor, in_size: Size2
) -> Tensor:
    """Compose flip, rotation, zoom and perspective into one matrix per sample, in fastai's order.

    The input place of an output place is ``warp(flip(rotate(zoom(place))))``. Rotation keeps angles on oblong
    pictures. Where zooming out and turning would bring a warp's horizon into view (see ``HORIZON``), that sample goes
    without its warp.

    Args:
        setting: int64 [B], a row of ``DIHEDRAL``.
        degrees: float64 [B], rotation.
        zoom: float64 [B], above 1 enlarges.
        centre: float64 [B, 2] in 0..1, the place about which zoom happens.
        warp: float64 [B, 2], how far corners move, in halves of a side.
        in_size: (H, W) of the input.

    Returns:
        float64 [B, 3, 3], output to input, in normalised coordinates.
    """
    height, width = in_size
    radians = torch.deg2rad(degrees)
    turn = torch.stack([radians.cos(), radians.sin(), -radians.sin(), radians.cos()], dim=-1).view(-1, 2, 2)
    # Normalised axes have different lengths in pixels: between them a rotation has to be scaled.
    turn = turn * torch.tensor([[1.0, height / width], [width / height, 1.0]], dtype=turn.dtype)
    linear = DIHEDRAL[setting] @ turn
    affine = torch.zeros(len(setting), 3, 3, dtype=torch.float64)
    affine[:, :2, :2] = linear / zoom[:, None, None]
    affine[:, :2, 2:] = linear @ ((1 - 1 / zoom)[:, None] * (2 * centre - 1))[..., None]
    affine[:, 2, 2] = 1
    perspective = _unwarp(warp) @ affine
    corners = torch.tensor([[-1.0, -1, 1, 1], [-1, 1, -1, 1], [1, 1, 1, 1]], dtype=torch.float64)
    depth = (perspective[:, 2:] @ corners).amin(dim=(1, 2))
    return torch.where((depth >= HORIZON)[:, None, None], perspective, affine)


def _unwarp(warp: Tensor) -> Tensor:
    """Output to input for fastai's ``Warp``: the corners (±1, ±1) of the input appear at (±(1 ± y), ±(1 ± x)).

    fastai solves 8 equations per sample for the matrix; for these corners it has a closed form (Heckbert 1989,
    *Fundamentals of Texture Mapping*, section 2.2.3), of which this is the inverse, scaled to depth 1 in the middle.
    """
    x, y = warp.unbind(-1)
    one = torch.ones_like(x)
    forward = torch.stack([1 - y * y, -x * y, x, -x * y, 1 - x * x, y, x, y, one], dim=-1).view(-1, 3, 3)
    backward = torch.linalg.inv(forward)
    return backward / backward[:, 2:, 2:]


def sampling_grid(matrix: Tensor, out_size: Size2) -> Tensor:
    """The input place seen at each output pixel, float32 [B, 2, h, w], (x, y) planes in normalised coordinates.

    A homography's numerators and depth are each a term of the column plus a term of the row, so that two short
    products and one broadcast sum replace the product with a grid of all places: 9 times faster than
    ``F.affine_grid`` at 64 px.
    """
    height, width = out_size
    matrix = matrix.float()
    along_x = matrix[:, :, 0:1] * _centres(width, matrix.device)
    along_y = matrix[:, :, 1:2] * _centres(height, matrix.device) + matrix[:, :, 2:3]
    places = along_x[:, :, None, :] + along_y[:, :, :, None]
    return places[:, :2].mul_(places[:, 2:].reciprocal_())


def _centres(count: int, device: torch.device) -> Tensor:
    return (torch.arange(count, device=device, dtype=torch.float32) * 2 + 1) / count - 1


def sample_images(images: Tensor, grid: Tensor) -> Tensor:
    """Pictures float32 [B, C, H, W] seen through a grid: bilinear, mirrored at the edges as by fastai's default."""
    places = grid.permute(0, 2, 3, 1)
    return F.grid_sample(images, places, mode="bilinear", padding_mode="reflection", align_corners=False)


def sample_masks(masks: Tensor, grid: Tensor, void: int | None) -> Tensor:
    """Masks [B, H, W] seen through a grid: the code of the pixel in which each place lies, never a mixture.

    What comes from outside is ``void``; None mirrors the mask as the picture is mirrored. Codes up to 2**24 survive
    the way through float32 that ``grid_sample`` asks for; it is twice as fast as looking up integers.
    """
    places = grid.permute(0, 2, 3, 1)
    codes = masks[:, None].float()
    if void is None:
        seen = F.grid_sample(codes, places, mode="nearest", padding_mode="reflection", align_corners=False)
    else:
        # Outside counts as 0, so void is made the zero.
        seen = F.grid_sample(codes.sub_(void), places, mode="nearest", padding_mode="zeros", align_corners=False)
        seen.add_(void)
    return seen[:, 0].to(masks.dtype)


def move_points(points: Tensor, matrix: Tensor, in_size: Size2, out_size: Size2) -> Tensor:
    """Where points of the input appear in the output, by the exact homography.

    Args:
        points: float [B, P, 2], (x, y) in pixels of the input; NaN (not annotated) stays NaN.
        matrix: float64 [B, 3, 3], output to input.
        in_size: (H, W) of the input.
        out_size: (h, w) of the output.

    Returns:
        float32 [B, P, 2] in pixels of the output. Points that leave the picture are returned where they fall (see
        ``inside``); one that would lie behind the camera is NaN.
    """
    scale_in = points.new_tensor([in_size[1], in_size[0]], dtype=torch.float64)
    scale_out = points.new_tensor([out_size[1], out_size[0]], dtype=torch.float64)
    forward = torch.linalg.inv(matrix)
    place = points.double() / scale_in * 2 - 1
    moved = place @ forward[:, :, :2].transpose(1, 2) + forward[:, None, :, 2]
    depth = moved[..., 2:]
    flat = torch.where(depth > 0, moved[..., :2] / depth, torch.nan)
    return ((flat + 1) / 2 * scale_out).float()


def inside(points: Tensor, size: Size2) -> Tensor:
    """Which points [..., 2] lie in a picture of (h, w): bool [...]; NaN never does."""
    limit = points.new_tensor([size[1], size[0]])
    return ((points >= 0) & (points < limit)).all(dim=-1)


def turn_and_flip(planes: Tensor, setting: Tensor) -> Tensor:
    """Put each sample into one of the 8 settings by moving pixels alone: nothing is interpolated, no bit changes.

    Args:
        planes: [B, ..., H, W]; H = W where a setting swaps rows and columns.
        setting: int64 [B] on the CPU, a row of ``DIHEDRAL``.
    """
    if not setting.any():
        return planes
    moved = planes.clone()
    for number in setting.unique().tolist():
        if number == 0:
            continue
        chosen = (setting == number).nonzero()[:, 0].to(planes.device)
        part = planes.index_select(0, chosen)
        # The input's x is ± the output's x, or ± its y where axes swap; its y likewise: flip first, then swap.
        across, down = DIHEDRAL[number].sum(dim=1).tolist()
        swaps = bool(DIHEDRAL[number][0, 1])
        part = part.flip([axis for axis, sign in ((-1, across), (-2, down)) if sign < 0])
        moved.index_copy_(0, chosen, part.transpose(-1, -2) if swaps else part)
    return moved
