"""Picture, mask and point go through one draw and arrive together, to the pixel."""

import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labcore.data.augment import Augment, Draw, inside, preset, relight, resize, resize_masks
from labcore.data.augment_spec import PRESETS, AugmentSpec
from labcore.data.geometry import DIHEDRAL, move_points, turn_and_flip
from labcore.errors import UserError
from labcore.specs import ImageSpec

VOID = 200_000  # above every pixel's own code, below the 2**24 that masks may hold
STILL = {"do_flip": False, "max_rotate": 0, "max_zoom": 1, "max_warp": 0, "max_lighting": 0}

sides = st.integers(8, 41)
sizes = st.one_of(st.tuples(sides, sides), sides.map(lambda side: (side, side)))
seeds = st.integers(0, 2**31 - 1)
specs = st.builds(
    lambda flips, **rest: AugmentSpec(do_flip=flips > 0, flip_vert=flips > 1, max_lighting=0, **rest),
    flips=st.integers(0, 2),
    max_rotate=st.sampled_from([0.0, 10.0, 180.0]),
    min_zoom=st.sampled_from([0.5, 1.0]),
    max_zoom=st.sampled_from([1.0, 1.5]),
    max_warp=st.sampled_from([0.0, 0.2, 0.45]),
    p_affine=st.sampled_from([0.75, 1.0]),
)


def stream(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(count: int, size: tuple[int, int], seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, *size), dtype=torch.uint8, generator=stream(seed))


def own_places(count: int, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Data that know where they come from: pictures hold 4 x and 4 y, masks the pixel's number, points its centre."""
    height, width = size
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    images = torch.stack([4 * x, 4 * y]).to(torch.uint8).repeat(count, 1, 1, 1)
    points = torch.stack([x, y], dim=-1).reshape(1, -1, 2).repeat(count, 1, 1) + 0.5
    return images, (y * width + x).repeat(count, 1, 1), points


def read_places(pictures: torch.Tensor) -> torch.Tensor:
    """(x, y) in pixels of the input [B, h, w, 2], read out of pictures made by ``own_places``."""
    return pictures.permute(0, 2, 3, 1) * 255 / 4 + 0.5


@settings(max_examples=100, deadline=None, derandomize=True)
@given(spec=specs, size=sizes, seed=seeds)
def test_picture_mask_and_points_agree_at_every_pixel(spec: AugmentSpec, size: tuple[int, int], seed: int) -> None:
    augment = Augment(spec, void=VOID)
    images, masks, _ = own_places(3, size)
    height, width = size
    pictures, codes, _ = augment(images, masks, generator=stream(seed))
    source = read_places(pictures)

    # The mask names the very pixel that the picture was taken from.
    seen = codes != VOID
    named = torch.stack([codes % width, codes // width], dim=-1) + 0.5
    assert ((source - named).abs().amax(dim=-1)[seen] <= 0.5 + 5e-3).all()

    # A point put where an output pixel was taken from lands in the middle of that output pixel. Within half a pixel
    # of the edge the mirrored picture is flat and cannot say exactly where it was taken.
    rim = torch.tensor([width, height]) - 0.51
    readable = seen & (source > 0.51).all(dim=-1) & (source < rim).all(dim=-1)
    _, _, landed = augment(images, None, source.reshape(3, -1, 2), generator=stream(seed))
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    centre = torch.stack([columns, rows], dim=-1) + 0.5
    assert readable.any()
    assert ((landed.view(3, height, width, 2) - centre).abs().amax(dim=-1)[readable] <= 0.02).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    spec=st.sampled_from([*PRESETS.values(), AugmentSpec(flip_vert=True, max_rotate=180, min_zoom=0.8, max_warp=0.1)]),
    size=st.tuples(st.integers(48, 81), st.integers(48, 81)),
    out=st.one_of(st.none(), st.tuples(st.integers(40, 97), st.integers(40, 97))),
    seed=seeds,
    at=st.tuples(st.floats(0.3, 0.7), st.floats(0.3, 0.7)),
)
def test_a_marked_spot_is_found_where_its_point_and_mask_are(
    spec: AugmentSpec, size: tuple[int, int], out: tuple[int, int] | None, seed: int, at: tuple[float, float]
) -> None:
    height, width = size
    row, column = int(at[1] * height), int(at[0] * width)
    masks = torch.zeros(4, height, width, dtype=torch.uint8)
    masks[:, row - 1 : row + 2, column - 1 : column + 2] = 1
    images = (masks * 255)[:, None].repeat(1, 3, 1, 1)
    points = torch.tensor([column + 0.5, row + 0.5]).expand(4, 1, 2)
    unlit = AugmentSpec(**{**spec.model_dump(), "max_lighting": 0})
    pictures, codes, moved = Augment(unlit, void=9)(images, masks, points, generator=stream(seed), size=out)
    for sample in range(4):
        place = moved[sample, 0].tolist()
        margin = torch.tensor([8.0, 8.0])
        if not inside(moved[sample, 0] - margin, (pictures.shape[2] - 16, pictures.shape[3] - 16)):
            continue  # the border cuts the spot
        seen = codes[sample] != 9  # outside, the picture may show the spot a second time, mirrored
        assert math.dist(centroid(pictures[sample, 0] * seen), place) < 1
        assert math.dist(centroid((codes[sample] == 1).float()), place) < 1


def centroid(weights: torch.Tensor) -> tuple[float, float]:
    rows, columns = torch.meshgrid(*(torch.arange(side) + 0.5 for side in weights.shape), indexing="ij")
    total = weights.sum()
    return ((weights * columns).sum() / total).item(), ((weights * rows).sum() / total).item()


@settings(max_examples=30, deadline=None, derandomize=True)
@given(size=sizes, seed=seeds, vertical=st.booleans())
def test_flips_alone_lose_nothing(size: tuple[int, int], seed: int, vertical: bool) -> None:
    spec = AugmentSpec(**{**STILL, "do_flip": True, "flip_vert": vertical})
    images, masks, points = own_places(6, size)
    pictures, codes, moved = Augment(spec, void=VOID)(images, masks, points, generator=stream(seed))
    back = (pictures * 255).round().to(torch.uint8)
    for sample in range(6):
        assert torch.equal(codes[sample].flatten().sort().values, masks[sample].flatten())
        column, row = (moved[sample] - 0.5).round().long().unbind(-1)
        torch.testing.assert_close(moved[sample], torch.stack([column, row], dim=-1) + 0.5, rtol=0, atol=1e-4)
        assert torch.equal(codes[sample, row, column], masks[sample].flatten())
        assert torch.equal(back[sample][:, row, column], images[sample].flatten(1))


def test_the_eight_settings_are_numpys() -> None:
    grid = torch.arange(9, dtype=torch.uint8).view(1, 1, 3, 3)
    made = {tuple(turn_and_flip(grid, torch.tensor([k])).flatten().tolist()) for k in range(8)}
    plain = grid[0, 0].numpy()
    turns = [np.rot90(side, k) for side in (plain, plain.T) for k in range(4)]
    assert made == {tuple(turn.flatten().tolist()) for turn in turns}
    assert DIHEDRAL.det().abs().eq(1).all()


def test_oblong_pictures_are_never_laid_on_their_side() -> None:
    spec = AugmentSpec(**{**STILL, "do_flip": True, "flip_vert": True})
    draw = Augment(spec).draw(400, (8, 12), stream(0))
    assert set(draw.setting.tolist()) == {0, 1, 2, 4}
    assert set(Augment(spec).draw(400, (8, 8), stream(0)).setting.tolist()) == set(range(8))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(size=sizes, seed=seeds)
def test_nothing_asked_nothing_changed(size: tuple[int, int], seed: int) -> None:
    images = noise(3, size, seed)
    masks = images[:, 0].clone()
    points = torch.rand(3, 5, 2, generator=stream(seed)) * max(size)
    pictures, codes, moved = Augment(preset("none"), void=7)(images, masks, points, generator=stream(seed))
    assert torch.equal(pictures, images.float() / 255)
    assert torch.equal(codes, masks) and codes.dtype == masks.dtype
    assert torch.equal(moved, points)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("size", [(32, 32), (24, 37)])
def test_the_seed_alone_decides(name: str, size: tuple[int, int]) -> None:
    augment = Augment(preset(name), void=255)
    batch = (noise(5, size), noise(5, size)[:, 0].clone(), torch.rand(5, 2, 2) * 20)
    torch.manual_seed(1)
    first = augment(*batch, generator=stream(3))
    torch.manual_seed(2)
    again = augment(*batch, generator=stream(3))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    if name != "none":
        other = augment(*batch, generator=stream(4))
        assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("name", PRESETS)
def test_samples_do_not_touch_each_other(name: str) -> None:
    augment = Augment(preset(name), void=255)
    # 12 x 3 x 160 x 160 is more than one slice, so that the seams between slices are covered too.
    images = noise(12, (160, 160))
    whole, _, _ = augment(images, generator=stream(5))
    changed = images.clone()
    changed[3] = 255 - changed[3]
    touched, _, _ = augment(changed, generator=stream(5))
    same = torch.tensor([torch.equal(a, b) for a, b in zip(whole, touched, strict=True)])
    assert same.tolist() == [i != 3 for i in range(12)]
    part, _, _ = augment(images[:5], generator=stream(5))
    assert torch.equal(part, whole[:5])
    draw = augment.draw(12, (160, 160), stream(5))
    for i in range(12):
        own = Draw(*(v[i : i + 1] for v in (draw.setting, draw.matrix, draw.brightness, draw.contrast)), draw.in_size)
        alone, _, _ = augment.apply(own, images[i : i + 1])
        torch.testing.assert_close(alone[0], whole[i], rtol=0, atol=1e-6)


def test_each_sample_has_its_own_draw() -> None:
    images = noise(1, (32, 32)).expand(16, -1, -1, -1).contiguous()
    pictures, _, _ = Augment(preset("photos"))(images, generator=stream(0))
    assert len({picture.numpy().tobytes() for picture in pictures}) == 16


def test_switching_a_part_off_leaves_the_other_draws_alone() -> None:
    full = Augment(preset("photos")).draw(50, (32, 32), stream(9))
    dark = Augment(AugmentSpec(max_warp=0, max_rotate=0)).draw(50, (32, 32), stream(9))
    assert torch.equal(full.setting, dark.setting)
    assert torch.equal(full.brightness, dark.brightness) and torch.equal(full.contrast, dark.contrast)


def test_memory_layout_changes_nothing() -> None:
    images = noise(4, (33, 40))
    last = images.contiguous(memory_format=torch.channels_last)
    for spec in (preset("photos"), AugmentSpec(max_rotate=0, max_zoom=1, max_warp=0)):
        plain, _, _ = Augment(spec)(images, generator=stream(1))
        other, _, _ = Augment(spec)(last, generator=stream(1))
        assert other.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(plain, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_outside_is_void_and_only_outside(dtype: torch.dtype) -> None:
    spec = AugmentSpec(do_flip=False, max_rotate=45, min_zoom=0.5, max_zoom=1, p_affine=1, max_lighting=0)
    images = torch.full((8, 3, 40, 40), 90, dtype=torch.uint8)
    masks = torch.full((8, 40, 40), 3, dtype=dtype)
    augment = Augment(spec, void=255)
    pictures, codes, _ = augment(images, masks, generator=stream(0))
    assert codes.dtype == dtype and set(codes.unique().tolist()) == {3, 255}
    assert torch.allclose(pictures, torch.tensor(90 / 255))  # mirrored, never black
    # An independent witness: the corners of the input, moved as points, bound the area that is not void.
    corners = torch.tensor([[0.0, 0], [40, 0], [40, 40], [0, 40]]).expand(8, 4, 2)
    _, _, outline = augment(images, None, corners, generator=stream(0))
    for sample in range(8):
        flat = inside_polygon(outline[sample].numpy(), 40)
        assert ((codes[sample] == 3).numpy() != flat).mean() < 0.002  # the edge itself may round either way
    mirrored = Augment(spec, void=None)(images, masks, generator=stream(0))[1]
    assert set(mirrored.unique().tolist()) == {3}


def inside_polygon(outline: np.ndarray, side: int) -> np.ndarray:
    rows, columns = np.mgrid[0:side, 0:side] + 0.5
    crosses = []
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        crosses.append((x1 - x0) * (rows - y0) - (y1 - y0) * (columns - x0))
    return (np.stack(crosses) > 0).all(axis=0) | (np.stack(crosses) < 0).all(axis=0)


def drawn(matrix_from: AugmentSpec, size: tuple[int, int], seed: int = 0) -> Draw:
    return Augment(matrix_from).draw(64, size, stream(seed))


def test_rotation_keeps_distances_on_oblong_pictures() -> None:
    spec = AugmentSpec(**{**STILL, "max_rotate": 180, "p_affine": 1})
    corners = torch.tensor([[0.0, 0], [60, 0], [60, 20], [0, 20]]).expand(64, 4, 2)
    draw = drawn(spec, (20, 60))
    moved = move_points(corners, draw.matrix, (20, 60), (20, 60))
    assert (moved - corners).abs().max() > 5
    torch.testing.assert_close(torch.cdist(moved, moved), torch.cdist(corners, corners), rtol=0, atol=1e-3)


def test_warp_puts_the_corners_where_fastai_puts_them() -> None:
    spec = AugmentSpec(**{**STILL, "max_warp": 0.3, "p_affine": 1})
    draw = drawn(spec, (2, 2))
    corners = torch.tensor([[0.0, 0], [0, 2], [2, 0], [2, 2]]).expand(64, 4, 2)
    moved = move_points(corners, draw.matrix, (2, 2), (2, 2)) - 1
    y, x = -1 - moved[:, 0, 0], -1 - moved[:, 0, 1]
    assert x.abs().max() <= 0.3 and y.abs().max() <= 0.3 and x.std() > 0.1 and y.std() > 0.1
    corner = [(-1 - y, -1 - x), (-1 + y, 1 + x), (1 + y, -1 + x), (1 - y, 1 - x)]
    expected = torch.stack([torch.stack(pair, dim=-1) for pair in corner], dim=1)
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-5)


def test_zoom_enlarges_and_stays_within_the_picture() -> None:
    spec = AugmentSpec(**{**STILL, "max_zoom": 2, "p_affine": 1})
    ends = torch.tensor([[0.0, 0], [50, 30]]).expand(64, 2, 2)
    draw = drawn(spec, (30, 50))
    moved = move_points(ends, draw.matrix, (30, 50), (30, 50))
    scale = (moved[:, 1] - moved[:, 0]) / torch.tensor([50.0, 30])
    assert scale.min() >= 1 and scale.max() <= 2 and scale.std() > 0.1
    assert (moved[:, 0] <= 1e-4).all() and (moved[:, 1] >= torch.tensor([50.0, 30]) - 1e-4).all()


def test_a_horizon_never_comes_into_view() -> None:
    spec = AugmentSpec(max_rotate=180, min_zoom=0.25, max_zoom=1, max_warp=0.45, p_affine=1)
    for size in [(32, 32), (16, 48)]:
        draw = drawn(spec, size)
        corners = torch.tensor([[-1.0, -1, 1, 1], [-1, 1, -1, 1], [1, 1, 1, 1]], dtype=torch.float64)
        assert ((draw.matrix[:, 2:] @ corners) > 0).all()
        assert torch.isfinite(move_points(torch.rand(64, 9, 2) * 16, draw.matrix, size, size)).all()


def test_missing_points_stay_missing() -> None:
    points = torch.tensor([[[math.nan, math.nan], [8.0, 8.0]]])
    _, _, moved = Augment(preset("photos"))(noise(1, (16, 16)), None, points, generator=stream(0))
    assert moved[0, 0].isnan().all() and moved[0, 1].isfinite().all()
    assert inside(moved, (16, 16))[0].tolist() == [False, True]
    assert inside(torch.tensor([[0.0, 0.0], [16.0, 5.0], [15.9, 8.1], [-0.1, 3.0]]), (9, 16)).tolist() == [
        True,
        False,
        True,
        False,
    ]


def test_leaving_the_target_behind_moves_the_picture_alone() -> None:
    images, masks, points = own_places(6, (32, 32))
    right = Augment(preset("photos"), void=VOID)
    wrong = Augment(preset("photos"), void=VOID, leave_target_behind=True)
    moved = right(images, masks, points, generator=stream(0))
    left = wrong(images, masks, points, generator=stream(0))
    assert torch.equal(moved[0], left[0])
    assert torch.equal(left[1], masks) and torch.equal(left[2], points)
    assert not torch.equal(moved[1], masks) and (moved[2] - points).abs().max() > 1


def test_lighting_is_fastais_formula() -> None:
    images = noise(5, (9, 11))
    brightness, contrast = torch.tensor([0.0, 0.4, -0.4, 0.0, 0.3]), torch.tensor([1.0, 1.0, 1.0, 1.2, 0.8])
    lit = relight(images, torch.stack([brightness, contrast]))
    x = torch.logit(images.double() / 255, 1e-7)
    expected = torch.sigmoid((x + brightness.view(-1, 1, 1, 1)) * contrast.view(-1, 1, 1, 1))
    torch.testing.assert_close(lit, expected.float(), rtol=0, atol=1e-6)
    assert torch.equal(lit[0], images[0].float() / 255)


def test_lighting_stays_within_its_range() -> None:
    draw = drawn(AugmentSpec(max_lighting=0.2), (8, 8))
    half = torch.sigmoid(draw.brightness)
    assert half.min() >= 0.4 - 1e-6 and half.max() <= 0.6 + 1e-6
    assert draw.contrast.min() >= 0.8 - 1e-6 and draw.contrast.max() <= 1.25 + 1e-6
    assert 0.05 < (draw.brightness == 0).float().mean() < 0.5
    assert (drawn(AugmentSpec(p_lighting=1), (8, 8)).brightness != 0).all()


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(("size", "out"), [((128, 128), (40, 40)), ((64, 48), (32, 96)), ((20, 20), (33, 50))])
def test_another_size_moves_everything_by_the_same_factors(
    name: str, size: tuple[int, int], out: tuple[int, int]
) -> None:
    images = torch.zeros(3, 3, *size, dtype=torch.uint8)
    masks = torch.zeros(3, *size, dtype=torch.int64)
    points = torch.rand(3, 4, 2) * 20
    augment = Augment(preset(name), void=255)
    pictures, codes, moved = augment(images, masks, points, generator=stream(0), size=out)
    assert pictures.shape == (3, 3, *out) and codes.shape == (3, *out)
    same = augment(images, masks, points, generator=stream(0))[2]
    factor = torch.tensor([out[1] / size[1], out[0] / size[0]])
    torch.testing.assert_close(moved, same * factor, rtol=0, atol=1e-3)


@pytest.mark.parametrize("upright", [True, False])
def test_shrinking_averages_instead_of_skipping(upright: bool) -> None:
    stripes = torch.zeros(1, 3, 128, 128, dtype=torch.uint8)
    stripes[..., ::2] = 255
    if not upright:
        stripes = stripes.transpose(-1, -2).contiguous()
    assert (resize(stripes, (16, 16)).float() - 127.5).abs().max() < 8
    spec = AugmentSpec(**{**STILL, "max_rotate": 1, "p_affine": 1})
    pictures, _, _ = Augment(spec)(stripes, generator=stream(0), size=(16, 16))
    assert (pictures - 0.5).abs().max() < 0.05


def test_masks_are_resized_at_pixel_centres() -> None:
    masks = torch.arange(16).view(1, 4, 4)
    assert resize_masks(masks, (2, 2)).tolist() == [[[5, 7], [13, 15]]]
    assert torch.equal(resize_masks(resize_masks(masks, (12, 20)), (4, 4)), masks)


def test_presets_are_the_notes() -> None:
    assert set(PRESETS) == set(get_args(ImageSpec.model_fields["augment"].annotation))
    above = preset("from_above")
    assert (above.flip_vert, above.max_warp, above.max_lighting, above.max_zoom) == (True, 0, 0.1, 1.05)
    assert preset("photos") == AugmentSpec()
    assert preset("street").do_flip and not preset("street").flip_vert


def test_mistakes_are_named() -> None:
    with pytest.raises(UserError, match=r"no augmentation preset 'satellite'.*from_above"):
        preset("satellite")
    with pytest.raises(UserError, match="Set do_flip"):
        AugmentSpec.of(flip_vert=True, do_flip=False)
    with pytest.raises(UserError, match="max_warp"):
        AugmentSpec.of(max_warp=0.6)
    augment = Augment(preset("none"))
    with pytest.raises(ValueError, match="uint8"):
        augment(torch.zeros(1, 3, 8, 8), generator=stream(0))
    with pytest.raises(ValueError, match="Masks"):
        augment(noise(1, (8, 8)), torch.zeros(1, 8, 9, dtype=torch.uint8), generator=stream(0))
    with pytest.raises(ValueError, match="Points"):
        augment(noise(2, (8, 8)), None, torch.zeros(1, 2, 2), generator=stream(0))


def test_an_empty_batch_and_a_single_pixel_pass() -> None:
    augment = Augment(preset("photos"), void=255)
    pictures, codes, moved = augment(
        torch.zeros(0, 3, 16, 16, dtype=torch.uint8),
        torch.zeros(0, 16, 16, dtype=torch.uint8),
        torch.zeros(0, 2, 2),
        generator=stream(0),
    )
    assert pictures.shape == (0, 3, 16, 16) and codes.shape == (0, 16, 16) and moved.shape == (0, 2, 2)
    assert augment(noise(1, (1, 1)), generator=stream(0))[0].shape == (1, 3, 1, 1)
