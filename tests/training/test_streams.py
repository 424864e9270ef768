import torch

from labcore.training import streams


def test_seeds_are_the_same_on_every_machine():
    assert streams.seed_for(0, "shuffle", 0) == 8682204486524708945
    assert 0 <= streams.seed_for(2**31 - 1, "dropout", 10**9) < 2**63


def test_streams_are_separate():
    names = [("shuffle", 0), ("shuffle", 1), ("augment", 0), ("dropout", 0), ("shuffle", 10), ("shuffle1", 0)]
    assert len({streams.seed_for(seed, *name) for seed in range(10) for name in names}) == 60


def test_a_generator_depends_on_nothing_but_its_name():
    first = torch.randperm(50, generator=streams.generator(3, "shuffle", 2))
    torch.rand(7)
    assert torch.equal(first, torch.randperm(50, generator=streams.generator(3, "shuffle", 2)))


def test_dropout_of_a_step_does_not_depend_on_the_steps_before():
    ones = torch.ones(100)
    streams.seed_step(0, 5)
    expected = torch.nn.functional.dropout(ones)
    torch.rand(3)
    streams.seed_step(0, 5)
    assert torch.equal(expected, torch.nn.functional.dropout(ones))
    assert not torch.equal(expected, torch.nn.functional.dropout(ones))
